//! The least or the greatest value.

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Least,
    Greatest,
}

/// Keeps the rank that is further to the side.
pub(super) fn keep(held: &mut Option<i64>, side: Side, rank: i64) {
    *held = Some(match (*held, side) {
        (None, _) => rank,
        (Some(held), Side::Least) => held.min(rank),
        (Some(held), Side::Greatest) => held.max(rank),
    });
}

/// Keeps the text that is further to the side; texts order by their code points.
pub(super) fn keep_text(held: &mut Option<String>, side: Side, text: &str) {
    match held {
        None => *held = Some(text.to_owned()),
        Some(held) => {
            let replaces = match side {
                Side::Least => text < held.as_str(),
                Side::Greatest => text > held.as_str(),
            };
            if replaces {
                held.clear();
                held.push_str(text);
            }
        }
    }
}
