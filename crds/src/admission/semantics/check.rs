//! Collecting what is wrong.

use std::time::Duration as Span;

use super::{DAY, MINUTE};
use crate::{admission::Violation, scalars::Duration};

/// What was found wrong so far.
#[derive(Default)]
pub(super) struct Check {
    pub(super) found: Vec<Violation>,
}

impl Check {
    pub(super) fn refuse(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.found.push(Violation::new(path, message));
    }

    pub(super) fn span(&mut self, path: &str, span: &Duration, least: Span, greatest: Span) {
        let fits = span
            .parse()
            .is_some_and(|span| (least..=greatest).contains(&span));
        if !fits {
            let (least, greatest) = (shown(least), shown(greatest));
            self.refuse(
                path,
                format!("must be between {least} and {greatest}, not {span}"),
            );
        }
    }

    /// How long rows are kept, if that is said.
    pub(super) fn retention(&mut self, path: &str, retention: Option<&Duration>) {
        if let Some(retention) = retention {
            self.span(path, retention, MINUTE, 36_500 * DAY);
        }
    }
}

/// A span in the units it is best read in.
pub(super) fn shown(span: Span) -> String {
    let ms = span.as_millis();
    for (unit, length) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ] {
        if ms >= length && ms.is_multiple_of(length) {
            return format!("{}{unit}", ms / length);
        }
    }
    format!("{ms}ms")
}
