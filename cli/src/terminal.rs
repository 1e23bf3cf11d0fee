//! How things are written for people: colours where they are wanted, spans of time, text cut to fit.

use std::io::IsTerminal;

use jiff::{SignedDuration, Timestamp};

/// Writes colours, or leaves them out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paint(bool);

/// A colour.
#[derive(Clone, Copy, Debug)]
pub enum Colour {
    /// What is well.
    Green,
    /// What is under way, or worth a look.
    Yellow,
    /// What is wrong.
    Red,
    /// What matters less.
    Faint,
    /// What matters more.
    Bold,
}

impl Paint {
    /// Colours for standard output: on a terminal that has them, unless `NO_COLOR` is set.
    pub fn for_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self(std::io::stdout().is_terminal() && !refused && !dumb)
    }

    /// The text in a colour.
    pub fn paint(self, colour: Colour, text: &str) -> String {
        if !self.0 {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Red => 31,
            Colour::Faint => 2,
            Colour::Bold => 1,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// How long ago something was, in one unit: `40 s`, `12 min`, `3 h`, `5 days`.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    span(now.duration_since(at))
}

/// A span of time, in one unit.
pub fn span(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The first line of a text, cut to at most so many characters; what can't be shown becomes a dot.
pub fn excerpt(text: &str, longest: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(longest + 1)
        .map(|char| if char.is_control() { '·' } else { char })
        .collect();
    if let Some((at, _)) = shown.char_indices().nth(longest) {
        shown.truncate(at);
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Rows in columns as wide as they have to be, two blanks between them. The last column is as it is.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_unit() {
        let texts = [0, 119, 120, 7_199, 7_200, 172_799, 172_800]
            .map(|seconds| span(SignedDuration::from_secs(seconds)));
        assert_eq!(
            texts,
            ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days"]
        );
        assert_eq!(span(SignedDuration::from_secs(-5)), "0 s");
    }

    #[test]
    fn excerpts_are_cut_by_characters_and_stay_in_a_line() {
        assert_eq!(excerpt("a\nb", 9), "a·b");
        assert_eq!(excerpt("üüüü", 4), "üüüü");
        assert_eq!(excerpt("üüüüü", 4), "üüü…");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["A", "B"], ["long", "x"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "A     B\nlong  x\n");
    }

    #[test]
    fn nothing_is_painted_where_colours_are_not_wanted() {
        assert_eq!(Paint(false).paint(Colour::Red, "x"), "x");
        assert_eq!(Paint(true).paint(Colour::Red, "x"), "\u{1b}[31mx\u{1b}[0m");
    }
}
