//! A strict JSON reader for one object of readings: it finds the members asked for, checks the
//! rest, and lends texts and numbers from the record instead of copying them.
//!
//! Numbers stay text here, so that the field's type decides how they are read: no rounding on
//! the way to a `long`, and a number too large for any type is one field's problem and not the
//! whole record's. A member that comes twice counts with its last value. Nothing is allocated
//! but for texts with escapes.

use std::borrow::Cow;

/// How deep arrays and objects may nest.
const MAX_DEPTH: u8 = 127;

/// A value of a member.
#[derive(Clone, Debug, PartialEq)]
pub enum Token<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(&'a str),
    /// A text, without its escapes.
    Text(Cow<'a, str>),
    /// An array; its elements have been checked and left out.
    Array,
    /// An object; its members have been checked and left out.
    Object,
}

/// Why a record is no JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct NotJson {
    what: &'static str,
    at: usize,
}

/// The members to find.
#[derive(Debug)]
pub struct Members(Vec<Member>);

#[derive(Debug)]
struct Member {
    name: String,
    /// As most producers write it, quotes included.
    written: String,
}

impl Members {
    /// Members by their names, in the order in which producers write them as a rule: then they are found
    /// without looking.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let member = |name: &str| Member {
            name: name.to_owned(),
            written: serde_json::Value::from(name).to_string(),
        };
        Self(names.into_iter().map(member).collect())
    }
}

/// Reads an object and puts the value of each member to find at its place. What `found` holds before is
/// overwritten only by members that are there.
pub fn read_object<'a>(
    payload: &'a [u8],
    members: &Members,
    found: &mut [Option<Token<'a>>],
) -> Result<(), NotJson> {
    let text = std::str::from_utf8(payload).map_err(|error| NotJson {
        what: "not UTF-8",
        at: error.valid_up_to(),
    })?;
    let mut reader = Reader { text, at: 0 };
    reader.skip_whitespace();
    if reader.peek() != Some(b'{') {
        // Told apart only for the message: what follows must be JSON for it to be `an array`.
        let what = match reader.value(MAX_DEPTH) {
            Ok(Token::Array) => "an array, not an object,",
            Ok(Token::Null | Token::Bool(_) | Token::Number(_) | Token::Text(_)) => {
                "a single value, not an object,"
            }
            Ok(Token::Object) | Err(_) => return Err(reader.error("no JSON value")),
        };
        return Err(NotJson { what, at: 0 });
    }
    reader.at += 1;
    let mut next = 0;
    let place = |reader: &mut Reader<'a>| {
        let place = match members.0.get(next) {
            Some(member) if reader.skip(&member.written) => Some(next),
            _ => {
                let name = reader.name()?;
                members.0.iter().position(|member| member.name == name)
            }
        };
        if let Some(place) = place {
            next = place + 1;
        }
        Ok(place)
    };
    reader.members(MAX_DEPTH - 1, place, |place, value| {
        if let Some(place) = place {
            found[place] = Some(value);
        }
    })?;
    reader.skip_whitespace();
    if reader.at == text.len() {
        Ok(())
    } else {
        Err(reader.error("more after the object"))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, what: &'static str) -> NotJson {
        NotJson { what, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_whitespace(&mut self) {
        // Nearly always there is none: one comparison tells.
        while let Some(byte) = self.peek()
            && byte <= b' '
            && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
        {
            self.at += 1;
        }
    }

    /// Goes on behind a text if that is what comes next.
    fn skip(&mut self, text: &str) -> bool {
        let is_next = self.text.as_bytes()[self.at..].starts_with(text.as_bytes());
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), NotJson> {
        self.skip_whitespace();
        if self.peek() != Some(byte) {
            return Err(self.error(what));
        }
        self.at += 1;
        Ok(())
    }

    /// The members of an object whose brace has been read.
    fn members<N>(
        &mut self,
        depth: u8,
        mut name: impl FnMut(&mut Self) -> Result<N, NotJson>,
        mut take: impl FnMut(N, Token<'a>),
    ) -> Result<(), NotJson> {
        self.skip_whitespace();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.skip_whitespace();
            let name = name(self)?;
            self.expect(b':', "expected `:`")?;
            self.skip_whitespace();
            take(name, self.value(depth)?);
            self.skip_whitespace();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.error("expected `,` or `}`")),
            }
        }
    }

    /// The name of a member.
    fn name(&mut self) -> Result<Cow<'a, str>, NotJson> {
        self.expect(b'"', "expected a member's name")?;
        self.string()
    }

    /// A value, with the whitespace before it read already.
    fn value(&mut self, depth: u8) -> Result<Token<'a>, NotJson> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Token::Text)
            }
            Some(b'-' | b'0'..=b'9') => self.number().map(Token::Number),
            Some(b't') => self.word("true", Token::Bool(true)),
            Some(b'f') => self.word("false", Token::Bool(false)),
            Some(b'n') => self.word("null", Token::Null),
            Some(b'{') => {
                let depth = depth
                    .checked_sub(1)
                    .ok_or_else(|| self.error("nested too deep"))?;
                self.at += 1;
                self.members(depth, |reader| reader.name().map(drop), |(), _| {})?;
                Ok(Token::Object)
            }
            Some(b'[') => {
                let depth = depth
                    .checked_sub(1)
                    .ok_or_else(|| self.error("nested too deep"))?;
                self.at += 1;
                self.elements(depth)?;
                Ok(Token::Array)
            }
            _ => Err(self.error("expected a value")),
        }
    }

    fn elements(&mut self, depth: u8) -> Result<(), NotJson> {
        self.skip_whitespace();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.skip_whitespace();
            self.value(depth)?;
            self.skip_whitespace();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.error("expected `,` or `]`")),
            }
        }
    }

    fn word(&mut self, word: &str, token: Token<'a>) -> Result<Token<'a>, NotJson> {
        if self.skip(word) {
            Ok(token)
        } else {
            Err(self.error("expected a value"))
        }
    }

    fn number(&mut self) -> Result<&'a str, NotJson> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.error("expected a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn some_digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        self.digits();
        if self.at == start {
            Err(self.error("expected a digit"))
        } else {
            Ok(())
        }
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    /// A text whose opening quote has been read.
    fn string(&mut self) -> Result<Cow<'a, str>, NotJson> {
        let start = self.at;
        self.at = plain_until(self.text.as_bytes(), self.at);
        if self.peek() == Some(b'"') {
            let text = &self.text[start..self.at];
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        self.string_with_escapes(start)
    }

    #[cold]
    fn string_with_escapes(&mut self, start: usize) -> Result<Cow<'a, str>, NotJson> {
        let mut text = self.text[start..self.at].to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(_) => return Err(self.error("a control character within a text")),
                None => return Err(self.error("a text without its end")),
            }
            let plain = self.at;
            self.at = plain_until(self.text.as_bytes(), plain);
            text.push_str(&self.text[plain..self.at]);
        }
    }

    fn escape(&mut self) -> Result<char, NotJson> {
        let escaped = self
            .peek()
            .ok_or_else(|| self.error("a text without its end"))?;
        self.at += 1;
        Ok(match escaped {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.code_unit()?;
                if (0xD800..0xDC00).contains(&unit) {
                    if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                        return Err(self.error("half a surrogate pair"));
                    }
                    self.at += 2;
                    let low = self.code_unit()?;
                    if !(0xDC00..0xE000).contains(&low) {
                        return Err(self.error("half a surrogate pair"));
                    }
                    let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                    char::from_u32(code).ok_or_else(|| self.error("no character"))?
                } else {
                    char::from_u32(unit).ok_or_else(|| self.error("half a surrogate pair"))?
                }
            }
            _ => return Err(self.error("an unknown escape")),
        })
    }

    fn code_unit(&mut self) -> Result<u32, NotJson> {
        let digits = self
            .text
            .as_bytes()
            .get(self.at..self.at + 4)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .ok_or_else(|| self.error("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(digits.iter().fold(0, |unit, digit| {
            unit * 16 + char::from(*digit).to_digit(16).expect("checked above")
        }))
    }
}

/// The index of the next quote, backslash or control character from `at` on, eight bytes at a time.
fn plain_until(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        // A borrow can set a bit above the first true one, never below it.
        let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let special = zero(word ^ (ONES * u64::from(b'"')))
            | zero(word ^ (ONES * u64::from(b'\\')))
            | control;
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if *byte < 0x20 || matches!(byte, b'"' | b'\\') {
            break;
        }
        at += 1;
    }
    at
}
