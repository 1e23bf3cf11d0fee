//! From text to words, numbers, texts and signs.

use crate::{CompileError, text_literal};

/// A token of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// A name or a keyword.
    Word(&'a str),
    /// A literal number.
    Number(&'a str),
    /// A literal text, without its quotes and escapes.
    Text(String),
    /// An operator or bracket.
    Sign(&'static str),
    /// The end of the expression.
    End,
}

/// Longer ones first, so that `<=` is not `<`.
const SIGNS: [&str; 23] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", ",", ".",
    "(", ")", "[", "]", "{",
];

/// What other languages write, and what to write for it.
const FOREIGN: [(&str, &str); 6] = [
    ("===", "write =="),
    ("<>", "write !="),
    ("=", "write == to compare"),
    ("&", "write && for and"),
    ("|", "write || for or"),
    ("`", "write a text in \" or ', and a field without quotes"),
];

/// The tokens of an expression, one at a time.
pub(crate) struct Tokens<'a> {
    source: &'a str,
    offset: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(source: &'a str) -> Self {
        Self { source, offset: 0 }
    }

    /// The next token and its first byte.
    pub(crate) fn next(&mut self) -> Result<(usize, Token<'a>), CompileError> {
        self.skip_blanks();
        let start = self.offset;
        let rest = &self.source[start..];
        let Some(first) = rest.chars().next() else {
            return Ok((start, Token::End));
        };
        let error = |message: &str| CompileError::at(self.source, start, message);
        let (length, token) = if let Some(literal) = text_literal::read(rest) {
            let (length, text) = literal.map_err(|(offset, message)| {
                CompileError::at(self.source, start + offset, message)
            })?;
            (length, Token::Text(text))
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = leading(rest, |c| c.is_ascii_alphanumeric() || c == '_');
            (length, Token::Word(&rest[..length]))
        } else if starts_number(rest) {
            let length = number_length(rest);
            let after = leading(&rest[length..], |c| c.is_ascii_alphanumeric() || c == '_');
            if after > 0 {
                let text = &rest[..length + after];
                return Err(error(&format!(
                    "`{text}` is no number; a span of time is written duration(\"5m\")"
                )));
            }
            (length, Token::Number(&rest[..length]))
        } else if let Some((_, advice)) = FOREIGN
            .iter()
            .find(|(foreign, _)| rest.starts_with(foreign) && !is_sign(rest, foreign))
        {
            return Err(error(advice));
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (sign.len(), Token::Sign(sign))
        } else {
            return Err(error(&format!("`{first}` can't stand here")));
        };
        self.offset += length;
        Ok((start, token))
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = &self.source[self.offset..];
            let blanks = leading(rest, |c| matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{c}'));
            let comment = if rest[blanks..].starts_with("//") {
                leading(&rest[blanks..], |c| c != '\n')
            } else {
                0
            };
            self.offset += blanks + comment;
            if comment == 0 {
                return;
            }
        }
    }
}

/// Whether a text that begins like a foreign sign begins with one of ours after all.
fn is_sign(rest: &str, foreign: &str) -> bool {
    SIGNS
        .iter()
        .any(|sign| sign.len() > foreign.len() && rest.starts_with(sign))
}

fn starts_number(rest: &str) -> bool {
    let digits = rest.strip_prefix('.').unwrap_or(rest);
    digits.starts_with(|c: char| c.is_ascii_digit())
}

fn number_length(rest: &str) -> usize {
    let digit = |c: char| c.is_ascii_digit();
    let unsigned = |length: usize| length + usize::from(rest[length..].starts_with(['u', 'U']));
    if let Some(digits) = rest.strip_prefix("0x") {
        let length = leading(digits, |c| c.is_ascii_hexdigit());
        if length > 0 {
            return unsigned(2 + length);
        }
    }
    let whole = leading(rest, digit);
    let mut length = whole;
    if let Some(fraction) = rest[length..].strip_prefix('.')
        && fraction.starts_with(digit)
    {
        length += 1 + leading(fraction, digit);
    }
    if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
        let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let digits = leading(power, digit);
        if digits > 0 {
            length += 1 + exponent.len() - power.len() + digits;
        }
    }
    if length == whole {
        unsigned(length)
    } else {
        length
    }
}

/// The length of the characters in front that are all such.
fn leading(text: &str, such: impl Fn(char) -> bool) -> usize {
    text.find(|c| !such(c)).unwrap_or(text.len())
}
