//! CEL's grammar, but for what a reading has no use for: members, indices, maps and messages.
//!
//! ```text
//! choice = any ["?" any ":" choice]      any = all {"||" all}      all = relation {"&&" relation}
//! relation = sum {("<" | "<=" | ">=" | ">" | "==" | "!=" | "in") sum}
//! sum = product {("+" | "-") product}    product = unary {("*" | "/" | "%") unary}
//! unary = "!" unary | "-" unary | member {"." name "(" arguments ")"}
//! ```
//! The parser of the `cel` crate is not used. It gives no positions, reads `!!x` as `!x` in time
//! exponential in the number of such signs, and needs so much stack that brackets crash the process.

use crate::{
    CompileError,
    number::Operator,
    operand::Relation,
    tokens::{Token, Tokens},
    tree::{Node, Part, Sign},
};

/// The longest expression, in bytes.
const LONGEST: usize = 4096;
/// How many parts may be within one another. What walks the tree needs stack in proportion.
const DEEPEST: usize = 50;

const RELATIONS: [(&str, Relation); 6] = [
    ("==", Relation::Equal),
    ("!=", Relation::NotEqual),
    ("<", Relation::Less),
    ("<=", Relation::LessOrEqual),
    (">", Relation::Greater),
    (">=", Relation::GreaterOrEqual),
];
const SUMS: [(&str, Operator); 2] = [("+", Operator::Add), ("-", Operator::Subtract)];
const PRODUCTS: [(&str, Operator); 3] = [
    ("*", Operator::Multiply),
    ("/", Operator::Divide),
    ("%", Operator::Remainder),
];

type Parsed = Result<Node, CompileError>;

/// The tree of an expression.
pub(crate) fn parse(source: &str) -> Parsed {
    if source.len() > LONGEST {
        let message = format!("an expression has {LONGEST} bytes at most; split it up");
        return Err(CompileError::at(source, 0, message));
    }
    let mut tokens = Tokens::new(source);
    let (offset, token) = tokens.next()?;
    let mut parser = Parser {
        source,
        tokens,
        offset,
        token,
        within: 0,
    };
    let tree = parser.choice()?;
    match parser.token {
        Token::End => Ok(tree),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    source: &'a str,
    tokens: Tokens<'a>,
    /// The token that is next, and where it is.
    token: Token<'a>,
    offset: usize,
    /// How many calls of [`Parser::choice`] and [`Parser::unary`] are within one another.
    within: usize,
}

impl Parser<'_> {
    fn choice(&mut self) -> Parsed {
        self.nested(|parser| {
            let condition = parser.any()?;
            let offset = parser.offset;
            if !parser.take("?")? {
                return Ok(condition);
            }
            let yes = parser.any()?;
            parser.expect(":")?;
            let no = parser.choice()?;
            parser.branch(offset, [condition, yes, no], Part::Choice)
        })
    }

    fn any(&mut self) -> Parsed {
        self.list_of("||", Self::all, Part::Any)
    }

    fn all(&mut self) -> Parsed {
        self.list_of("&&", Self::relation, Part::All)
    }

    fn list_of(
        &mut self,
        sign: &str,
        part: impl Fn(&mut Self) -> Parsed,
        whole: impl Fn(Vec<Node>) -> Part,
    ) -> Parsed {
        let first = part(self)?;
        let offset = self.offset;
        let mut parts = vec![first];
        while self.take(sign)? {
            parts.push(part(self)?);
        }
        match <[Node; 1]>::try_from(parts) {
            Ok([only]) => Ok(only),
            Err(parts) => self.bundle(offset, parts, whole),
        }
    }

    fn relation(&mut self) -> Parsed {
        let mut left = self.sum()?;
        loop {
            let offset = self.offset;
            if let Some(sign) = self.take_sign(&RELATIONS)? {
                let right = self.sum()?;
                left = self.branch(offset, [left, right], |sides| Part::Comparison(sign, sides))?;
            } else if self.token == Token::Word("in") {
                self.advance()?;
                let right = self.sum()?;
                left = self.branch(offset, [left, right], Part::In)?;
            } else {
                return Ok(left);
            }
        }
    }

    fn sum(&mut self) -> Parsed {
        self.arithmetic(&SUMS, Self::product)
    }

    fn product(&mut self) -> Parsed {
        self.arithmetic(&PRODUCTS, Self::unary)
    }

    fn arithmetic(
        &mut self,
        signs: &[(&'static str, Operator)],
        side: impl Fn(&mut Self) -> Parsed,
    ) -> Parsed {
        let mut left = side(self)?;
        loop {
            let offset = self.offset;
            let Some(sign) = self.take_sign(signs)? else {
                return Ok(left);
            };
            let right = side(self)?;
            left = self.branch(offset, [left, right], |sides| Part::Arithmetic(sign, sides))?;
        }
    }

    fn unary(&mut self) -> Parsed {
        self.nested(|parser| {
            let offset = parser.offset;
            if parser.take("!")? {
                let operand = parser.unary()?;
                return parser.branch(offset, [operand], |[operand]: [Node; 1]| {
                    Part::Not(Box::new(operand))
                });
            }
            if !parser.take("-")? {
                return parser.member();
            }
            if let Token::Number(digits) = parser.token {
                // One literal, as the least of all whole numbers has no positive counterpart.
                let literal = parser.number(offset, &format!("-{digits}"))?;
                return parser.calls(literal);
            }
            let operand = parser.unary()?;
            parser.branch(offset, [operand], |[operand]: [Node; 1]| {
                Part::Negated(Box::new(operand))
            })
        })
    }

    fn member(&mut self) -> Parsed {
        let operand = self.primary()?;
        self.calls(operand)
    }

    /// The calls that follow an operand.
    fn calls(&mut self, mut operand: Node) -> Parsed {
        loop {
            if self.token == Token::Sign("[") {
                return Err(self.error("`[…]` is not supported: a reading has no lists"));
            }
            if !self.take(".")? {
                return Ok(operand);
            }
            let offset = self.offset;
            let Token::Word(name) = self.token else {
                return Err(self.unexpected());
            };
            self.advance()?;
            if !self.take("(")? {
                let message = format!(
                    "`.{name}` is not supported: a reading has no members within its fields"
                );
                return Err(CompileError::at(self.source, offset, message));
            }
            let arguments = self.until(")")?;
            let depth = 1 + deepest(&arguments).max(operand.depth);
            operand = self.node(
                offset,
                depth,
                Part::Call {
                    target: Some(Box::new(operand)),
                    name: name.to_owned(),
                    arguments,
                },
            )?;
        }
    }

    fn primary(&mut self) -> Parsed {
        let offset = self.offset;
        match self.token.clone() {
            Token::Number(digits) => self.number(offset, digits),
            Token::Text(text) => {
                self.advance()?;
                self.node(offset, 1, Part::Text(text))
            }
            Token::Sign("(") => {
                self.advance()?;
                let inner = self.choice()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("[") => {
                self.advance()?;
                let entries = self.until("]")?;
                self.bundle(offset, entries, Part::List)
            }
            Token::Sign("{") => Err(self.error("maps and messages are not supported")),
            Token::Word("in") | Token::Sign(_) | Token::End => Err(self.unexpected()),
            Token::Word(word) => {
                self.advance()?;
                self.word(offset, word)
            }
        }
    }

    fn word(&mut self, offset: usize, word: &str) -> Parsed {
        let part = match word {
            "null" => Part::Null,
            "true" => Part::Truth(true),
            "false" => Part::Truth(false),
            _ if self.take("(")? => {
                let arguments = self.until(")")?;
                return self.bundle(offset, arguments, |arguments| Part::Call {
                    target: None,
                    name: word.to_owned(),
                    arguments,
                });
            }
            _ if word.eq_ignore_ascii_case("not") && matches!(self.token, Token::Word(_)) => {
                return Err(CompileError::at(self.source, offset, "write ! for not"));
            }
            _ => Part::Name(word.to_owned()),
        };
        self.node(offset, 1, part)
    }

    fn number(&mut self, offset: usize, digits: &str) -> Parsed {
        let (sign, magnitude) = match digits.strip_prefix('-') {
            Some(magnitude) => ("-", magnitude),
            None => ("", digits),
        };
        let (radix, magnitude) = match magnitude.strip_prefix("0x") {
            Some(magnitude) => (16, magnitude),
            None => (10, magnitude),
        };
        let part = if let Some(magnitude) = magnitude.strip_suffix(['u', 'U']) {
            u64::from_str_radix(magnitude, radix)
                .ok()
                .filter(|_| sign.is_empty())
                .map(Part::Unsigned)
        } else if radix == 10 && magnitude.contains(['.', 'e', 'E']) {
            let number = digits.parse::<f64>().ok();
            number.filter(|number| number.is_finite()).map(Part::Double)
        } else {
            let number = i64::from_str_radix(&format!("{sign}{magnitude}"), radix);
            number.ok().map(Part::Whole)
        };
        let Some(part) = part else {
            let message = format!(
                "{digits} is beyond the numbers that there are; write a double, such as 1.0e19"
            );
            return Err(CompileError::at(self.source, offset, message));
        };
        self.advance()?;
        self.node(offset, 1, part)
    }

    /// What stands between brackets, up to `closing`, with commas between.
    fn until(&mut self, closing: &'static str) -> Result<Vec<Node>, CompileError> {
        let mut parts = Vec::new();
        if self.take(closing)? {
            return Ok(parts);
        }
        loop {
            parts.push(self.choice()?);
            if !self.take(",")? {
                self.expect(closing)?;
                return Ok(parts);
            }
            // As in CEL, a list may end in a comma.
            if closing == "]" && self.take(closing)? {
                return Ok(parts);
            }
        }
    }

    fn advance(&mut self) -> Result<(), CompileError> {
        (self.offset, self.token) = self.tokens.next()?;
        Ok(())
    }

    fn take(&mut self, sign: &str) -> Result<bool, CompileError> {
        let there = matches!(self.token, Token::Sign(next) if next == sign);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn take_sign<T: Copy>(
        &mut self,
        signs: &[(&'static str, T)],
    ) -> Result<Option<Sign<T>>, CompileError> {
        for (text, does) in signs {
            if self.take(text)? {
                return Ok(Some(Sign { text, does: *does }));
            }
        }
        Ok(None)
    }

    fn expect(&mut self, sign: &str) -> Result<(), CompileError> {
        if self.take(sign)? {
            return Ok(());
        }
        Err(match self.token {
            Token::End => self.error(format!("a `{sign}` is missing")),
            _ => self.unexpected(),
        })
    }

    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.within += 1;
        if self.within > 2 * DEEPEST {
            return Err(self.too_deep(self.offset));
        }
        let parsed = parse(self);
        self.within -= 1;
        parsed
    }

    /// A part made of a fixed number of others.
    fn branch<const N: usize, B: From<[Node; N]>>(
        &self,
        offset: usize,
        parts: [Node; N],
        part: impl FnOnce(B) -> Part,
    ) -> Parsed {
        let depth = 1 + deepest(&parts);
        self.node(offset, depth, part(parts.into()))
    }

    /// A part made of any number of others.
    fn bundle(
        &self,
        offset: usize,
        parts: Vec<Node>,
        part: impl FnOnce(Vec<Node>) -> Part,
    ) -> Parsed {
        let depth = 1 + deepest(&parts);
        self.node(offset, depth, part(parts))
    }

    fn node(&self, offset: usize, depth: usize, part: Part) -> Parsed {
        if depth > DEEPEST {
            return Err(self.too_deep(offset));
        }
        Ok(Node {
            offset,
            depth,
            part,
        })
    }

    fn too_deep(&self, offset: usize) -> CompileError {
        let message =
            format!("more than {DEEPEST} parts are within one another; split the expression up");
        CompileError::at(self.source, offset, message)
    }

    /// That what is next can't stand there.
    fn unexpected(&self) -> CompileError {
        let message = match &self.token {
            Token::End => "the expression ends too early".to_owned(),
            Token::Text(_) => "a text can't stand here".to_owned(),
            Token::Sign(sign) => format!("`{sign}` can't stand here"),
            Token::Number(digits) => format!("`{digits}` can't stand here"),
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "and" => "write && for and".to_owned(),
                "or" => "write || for or".to_owned(),
                "is" => "write == null or != null".to_owned(),
                "like" => "write .startsWith, .endsWith, .contains or .matches".to_owned(),
                "between" => "write x >= low && x <= high".to_owned(),
                _ => format!("`{word}` can't stand here"),
            },
        };
        self.error(message)
    }

    fn error(&self, message: impl Into<String>) -> CompileError {
        CompileError::at(self.source, self.offset, message)
    }
}

fn deepest(parts: &[Node]) -> usize {
    parts.iter().map(|part| part.depth).max().unwrap_or(0)
}
