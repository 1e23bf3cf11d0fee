//! Functions and methods.

use regex::RegexBuilder;

use super::{Checker, typed::Typed};
use crate::{
    CompileError,
    condition::Condition,
    number::{Double, Whole},
    text::{Text, TextTest},
    time_literal::{self, BadTime},
    tree::{Node, Part},
};

/// The most memory that a compiled regex may take, in bytes.
const LARGEST_REGEX: usize = 256 * 1024;

const SUPPORTED: &str = "the functions are size, timestamp, duration and double, and of a string \
                         startsWith, endsWith, contains, matches and size";

impl Checker<'_> {
    pub(super) fn call(
        &self,
        node: &Node,
        target: Option<&Node>,
        name: &str,
        arguments: &[Node],
    ) -> Result<Typed, CompileError> {
        match (name, target, arguments) {
            ("startsWith", Some(text), [part]) => {
                self.test(node, name, text, || self.part(part, name).map(TextTest::StartsWith))
            }
            ("endsWith", Some(text), [part]) => {
                self.test(node, name, text, || self.part(part, name).map(TextTest::EndsWith))
            }
            ("contains", Some(text), [part]) => {
                self.test(node, name, text, || self.part(part, name).map(TextTest::Contains))
            }
            ("matches", Some(text), [pattern]) | ("matches", None, [text, pattern]) => {
                self.test(node, name, text, || self.regex(pattern))
            }
            ("size", Some(text), []) | ("size", None, [text]) => match self.expression(text)? {
                Typed::Text(text) => Ok(Typed::Whole(Whole::Size(text))),
                other => {
                    let message = format!("size is for strings, and this is {}", other.kind());
                    Err(self.error(node, message))
                }
            },
            ("double", None, [number]) => match self.expression(number)? {
                Typed::Whole(whole) => Ok(Typed::Double(Double::Of(Box::new(whole)))),
                Typed::Double(double) => Ok(Typed::Double(double)),
                other => {
                    let message = format!("double is for numbers, and this is {}", other.kind());
                    Err(self.error(node, message))
                }
            },
            ("timestamp", None, [literal]) => {
                let example = "\"2025-01-31T12:00:00Z\"";
                self.time(literal, name, example, time_literal::parse_timestamp)
                    .map(|time| Typed::Time(Whole::Constant(time)))
            }
            ("duration", None, [literal]) => {
                let example = "\"1h30m\" (units h, m, s, ms)";
                self.time(literal, name, example, time_literal::parse_duration)
                    .map(|span| Typed::Span(Whole::Constant(span)))
            }
            ("startsWith" | "endsWith" | "contains", ..) => {
                let message = format!("write it as x.{name}(\"…\")");
                Err(self.error(node, message))
            }
            ("matches", ..) => Err(self.error(node, "write it as x.matches(\"regex\")")),
            ("size" | "double" | "timestamp" | "duration", ..) => {
                Err(self.error(node, format!("write it as {name}(…), with one argument")))
            }
            ("has", ..) => Err(self.error(
                node,
                "has() is not supported: compare an optional field with null, as in `status != null`",
            )),
            ("all" | "exists" | "exists_one" | "map" | "filter", Some(_), _) => Err(self.error(
                node,
                format!("`{name}` is not supported: a reading has no lists"),
            )),
            _ => {
                let message = format!("`{name}` is not supported; {SUPPORTED}");
                Err(self.error(node, message))
            }
        }
    }

    fn test(
        &self,
        node: &Node,
        name: &str,
        subject: &Node,
        asked: impl FnOnce() -> Result<TextTest, CompileError>,
    ) -> Result<Typed, CompileError> {
        match self.expression(subject)? {
            Typed::Text(text) => Ok(Typed::Truth(Condition::Text(Box::new((text, asked()?))))),
            other => {
                let message = format!("{name} is for strings, and this is {}", other.kind());
                Err(self.error(node, message))
            }
        }
    }

    fn part(&self, part: &Node, name: &str) -> Result<Text, CompileError> {
        match self.expression(part)? {
            Typed::Text(text) => Ok(text),
            other => {
                let message = format!("{name} needs a string, and this is {}", other.kind());
                Err(self.error(part, message))
            }
        }
    }

    fn regex(&self, pattern: &Node) -> Result<TextTest, CompileError> {
        let Some(source) = text_literal(pattern) else {
            return Err(self.error(pattern, "matches needs its regex written out in quotes"));
        };
        RegexBuilder::new(source)
            .size_limit(LARGEST_REGEX)
            .build()
            .map(TextTest::Matches)
            .map_err(|error| {
                let last = error.to_string();
                let last = last.lines().last().unwrap_or_default();
                let why = last.trim_start_matches("error: ");
                self.error(pattern, format!("this regex does not compile: {why}"))
            })
    }

    fn time(
        &self,
        literal: &Node,
        name: &str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<i64, BadTime>,
    ) -> Result<i64, CompileError> {
        let Some(text) = text_literal(literal) else {
            let message = format!("{name} needs a text in quotes, such as {example}");
            return Err(self.error(literal, message));
        };
        parse(text).map_err(|bad| {
            let message = match bad {
                BadTime::Malformed => format!("`{text}` is no {name}; write it as {example}"),
                BadTime::TooFine => {
                    format!("`{text}` is finer than microseconds, which no reading is")
                }
            };
            self.error(literal, message)
        })
    }
}

fn text_literal(node: &Node) -> Option<&str> {
    match &node.part {
        Part::Text(text) => Some(text),
        _ => None,
    }
}
