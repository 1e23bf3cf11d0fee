//! YAML (and JSON, which is YAML too) as a tree in which everything knows where it is written.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Value};

use super::{Place, Problem, scalar};

/// Deeper than any resource.
const DEPTH: usize = 100;
/// More than any resource has. A few lines of anchors can make billions.
const NODES: usize = 200_000;

/// A value, and where it is written.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where its name is, if it is a member.
    pub name: Option<Place>,
    /// Where it is itself.
    pub place: Place,
    /// What it is.
    pub content: Content,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Content {
    /// Text, a number, true, false or null.
    Scalar(Value),
    /// Entries.
    List(Vec<Node>),
    /// Members.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The member of a mapping.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    /// The value alone.
    pub fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(entries) => entries.iter().map(Self::value).collect(),
            Content::Map(members) => {
                let members = members
                    .iter()
                    .map(|(key, node)| (key.clone(), node.value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }
}

/// Every document of a text; empty ones are left out.
pub fn parse(text: &str) -> Result<Vec<Node>, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        lines: text.lines().collect(),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut documents = Vec::new();
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            event => {
                let node = reader.node(event, span, DEPTH)?;
                if !matches!(node.content, Content::Scalar(Value::Null)) {
                    documents.push(node);
                }
            }
        }
    }
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    lines: Vec<&'t str>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        let end = || Ok((Event::StreamEnd, Span::default()));
        self.events
            .next_event()
            .unwrap_or_else(end)
            .map_err(|error| unreadable(&error))
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Problem> {
        let place = self.place(span);
        if depth == 0 {
            return Err(Problem::at(place, "this is nested too deeply"));
        }
        let before = self.nodes;
        self.count(1, place)?;
        let (anchor, content) = match event {
            Event::Scalar(text, style, anchor, tag) => (
                anchor,
                Content::Scalar(scalar_value(&text, style, tag.as_deref(), place)?),
            ),
            Event::SequenceStart(anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            Event::Alias(anchor) => {
                // An anchor is known only when its node is complete, so that none holds itself.
                let Some((node, size)) = self.anchors.get(&anchor) else {
                    return Err(Problem::at(
                        place,
                        "this refers to nothing that comes before it",
                    ));
                };
                let (node, size) = (
                    Node {
                        place,
                        ..node.clone()
                    },
                    *size,
                );
                self.count(size, place)?;
                return Ok(node);
            }
            _ => return Err(Problem::at(place, "a value is missing here")),
        };
        let node = Node {
            name: None,
            place,
            content,
        };
        if anchor > 0 {
            self.anchors
                .insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    /// Where something is. Spans of what is in quotes go on over the space after it.
    fn place(&self, span: Span) -> Place {
        let place = place(span);
        let line = self.lines.get(place.line - 1).copied().unwrap_or_default();
        let rest = line.chars().skip(place.column - 1).take(place.length);
        let text: String = rest.collect();
        Place {
            length: text.trim_end().chars().count().max(1),
            ..place
        }
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), Problem> {
        self.nodes += nodes;
        if self.nodes > NODES {
            return Err(Problem::at(place, "this makes too much out of little"));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Content, Problem> {
        let mut entries = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(entries)),
                (event, span) => entries.push(self.node(event, span, depth - 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Content, Problem> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = match self.next()? {
                (Event::MappingEnd, _) => break,
                key => key,
            };
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span, depth - 1)?;
            let name = name_of(&key)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth - 1)?;
            if is_merge {
                merged.push(value);
                continue;
            }
            if let Some((_, first)) = members.iter().find(|(other, _)| *other == name) {
                let line = first.name.map_or(0, |place| place.line);
                let message =
                    format!("`{name}` is here twice; line {line} has it already. Remove one");
                return Err(Problem::at(key.place, message));
            }
            let name_place = Some(key.place);
            members.push((
                name,
                Node {
                    name: name_place,
                    ..value
                },
            ));
        }
        // What a mapping says itself counts, then what it merges first.
        for node in merged {
            merge(&mut members, node)?;
        }
        Ok(Content::Map(members))
    }
}

fn merge(members: &mut Vec<(String, Node)>, from: Node) -> Result<(), Problem> {
    match from.content {
        Content::Map(others) => {
            for (name, node) in others {
                if !members.iter().any(|(own, _)| *own == name) {
                    members.push((name, node));
                }
            }
            Ok(())
        }
        Content::List(entries) => entries
            .into_iter()
            .try_for_each(|entry| merge(members, entry)),
        Content::Scalar(_) => Err(Problem::at(
            from.place,
            "`<<` takes a mapping, or a list of them",
        )),
    }
}

fn name_of(key: &Node) -> Result<String, Problem> {
    match &key.content {
        Content::Scalar(Value::String(text)) => Ok(text.clone()),
        Content::Scalar(Value::Null) => Err(Problem::at(key.place, "a member needs a name")),
        Content::Scalar(other) => Ok(other.to_string()),
        _ => Err(Problem::at(
            key.place,
            "a member's name must be a word; a template that was not filled in looks like this, too",
        )),
    }
}

fn scalar_value(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    place: Place,
) -> Result<Value, Problem> {
    let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    let value = match style {
        ScalarStyle::Plain if !is_text => scalar::plain(text),
        _ => text.into(),
    };
    let not_finite = [".inf", "+.inf", "-.inf", ".nan"];
    if style == ScalarStyle::Plain && not_finite.contains(&text.to_ascii_lowercase().as_str()) {
        return Err(Problem::at(place, format!("{text} is no number in JSON")));
    }
    Ok(value)
}

fn place(span: Span) -> Place {
    let (start, end) = (span.start, span.end);
    let length = if start.line() == end.line() {
        end.col().saturating_sub(start.col())
    } else {
        0
    };
    Place {
        line: start.line().max(1),
        column: start.col() + 1,
        length: length.max(1),
    }
}

fn unreadable(error: &ScanError) -> Problem {
    let marker = *error.marker();
    Problem::at(
        place(Span::empty(marker)),
        format!("this is no YAML: {}", error.info()),
    )
}
