//! Literal texts: in single or double quotes, or three of them, raw or with escapes.

/// What is wrong in a literal text and at which of its bytes.
type Problem = (usize, &'static str);

const OPEN: &str = "this text does not end: close it with the same quote";
const ESCAPE: &str = "there is no such escape; write \\\\ for a backslash, or r\"…\" for a regex";

/// The literal text that `source` begins with, and its length in bytes; `None` when it begins with
/// something else.
pub(crate) fn read(source: &str) -> Option<Result<(usize, String), Problem>> {
    let unprefixed = source.trim_start_matches(['r', 'R', 'b', 'B']);
    let prefix = source.len() - unprefixed.len();
    let quote = unprefixed
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\''))?;
    let tripled = unprefixed.chars().take(3).filter(|c| *c == quote).count() == 3;
    let quotes = if tripled { 3 } else { 1 };
    match &source[..prefix] {
        "" | "r" | "R" => {}
        "b" | "B" | "br" | "bR" | "Br" | "BR" => {
            return Some(Err((0, "bytes are not supported: remove the b")));
        }
        _ => return None,
    }
    let body = prefix + quotes;
    let closing = &unprefixed[..quotes];
    let text = decode(&source[body..], closing, prefix == 0);
    Some(match text {
        Ok((length, text)) => Ok((body + length + quotes, text)),
        Err((offset, OPEN)) => Err((offset, OPEN)),
        Err((offset, message)) => Err((body + offset, message)),
    })
}

/// What stands before `closing`, and its length in bytes.
fn decode(body: &str, closing: &str, escapes: bool) -> Result<(usize, String), Problem> {
    let mut text = String::new();
    let mut offset = 0;
    loop {
        let rest = &body[offset..];
        if rest.starts_with(closing) {
            return Ok((offset, text));
        }
        match rest.chars().next() {
            None => return Err((0, OPEN)),
            Some('\n' | '\r') if closing.len() == 1 => return Err((0, OPEN)),
            Some('\\') if escapes => {
                let (length, c) = escape(&rest[1..]).ok_or((offset, ESCAPE))?;
                text.push(c);
                offset += 1 + length;
            }
            Some(c) => {
                text.push(c);
                offset += c.len_utf8();
            }
        }
    }
}

/// The character that is written by what follows a backslash, and how many bytes that takes.
fn escape(rest: &str) -> Option<(usize, char)> {
    let simple = match rest.chars().next()? {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        c @ ('\\' | '?' | '"' | '\'' | '`') => c,
        'x' | 'X' => return coded(rest, 1, 2, 16),
        'u' => return coded(rest, 1, 4, 16),
        'U' => return coded(rest, 1, 8, 16),
        '0'..='3' => return coded(rest, 0, 3, 8),
        _ => return None,
    };
    Some((1, simple))
}

/// A character by its code, in so many digits after the first bytes.
fn coded(rest: &str, skip: usize, digits: usize, radix: u32) -> Option<(usize, char)> {
    let code = rest.get(skip..skip + digits)?;
    if !code.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let c = char::from_u32(u32::from_str_radix(code, radix).ok()?)?;
    Some((skip + digits, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_cel_writes_them() {
        for (source, expected) in [
            (r#""it's" == x"#, "it's"),
            (r#"'say "x"'"#, "say \"x\""),
            (r#"'say \"x\", it\'s'"#, "say \"x\", it's"),
            (r#""a\n\t\\\x41\u00e9\U0001F600\101""#, "a\n\t\\Aé😀A"),
            (r#"r"\d+\.""#, r"\d+\."),
            (r#""""a "quoted" word.""""#, "a \"quoted\" word."),
            ("'''two\nlines'''", "two\nlines"),
            (r#""""#, ""),
        ] {
            let (_, text) = read(source)
                .unwrap()
                .unwrap_or_else(|error| panic!("{source}: {error:?}"));
            assert_eq!(text, expected, "{source}");
        }
        assert_eq!(read(r#""ab" == x"#), Some(Ok((4, "ab".to_owned()))));
        assert_eq!(read("rate > 1"), None);
        assert_eq!(read("'open"), Some(Err((0, OPEN))));
        assert_eq!(read("'open\n'"), Some(Err((0, OPEN))));
        for wrong in [r#""\d""#, r#""\x4""#, r#""\ud800""#, r#""\xé""#] {
            assert_eq!(read(wrong), Some(Err((1, ESCAPE))), "{wrong}");
        }
    }
}
