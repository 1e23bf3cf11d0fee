//! Windows: their lengths, what they group by and compute, and the columns that makes.

use std::time::Duration as Span;

use super::{Check, expressions};
use crate::{
    input::{Field, FieldType, Input},
    scalars::Duration,
    window_table::WindowTable,
    windows::{Aggregate, Sliding, Window},
};

const SECOND: Span = Span::from_secs(1);
const WEEK: Span = Span::from_hours(7 * 24);
const HOUR: Span = Span::from_hours(1);
const HUNDREDTH: Span = Span::from_millis(10);
/// How many windows a reading may be in at once: what it costs goes with it.
const MOST_OVERLAPS: u128 = 1440;

impl Check {
    pub(super) fn windows(&mut self, windows: &[Window], input: &Input) {
        for (index, window) in windows.iter().enumerate() {
            let path = format!("spec.windows[{index}]");
            self.lengths(&path, window);
            self.groups(&path, window, input);
            let fits = self.found.len();
            for (index, aggregate) in window.aggregates.iter().enumerate() {
                let path = format!("{path}.aggregates[{index}]");
                self.aggregate(&path, aggregate, &input.fields);
            }
            if self.found.len() == fits {
                self.columns(&path, window, &input.fields);
            }
            if let Some(condition) = &window.where_ {
                self.expression(&format!("{path}.where"), condition, &input.fields);
            }
        }
    }

    fn lengths(&mut self, path: &str, window: &Window) {
        if let Some(tumbling) = &window.tumbling {
            self.span(
                &format!("{path}.tumbling.size"),
                &tumbling.size,
                SECOND,
                WEEK,
            );
        }
        if let Some(sliding) = &window.sliding {
            self.sliding(&format!("{path}.sliding"), sliding);
        }
        if let Some(session) = &window.session {
            self.span(&format!("{path}.session.gap"), &session.gap, SECOND, WEEK);
        }
        let lateness = &window.allowed_lateness;
        self.span(
            &format!("{path}.allowedLateness"),
            lateness,
            Span::ZERO,
            WEEK,
        );
        self.span(
            &format!("{path}.emit.every"),
            &window.emit.every,
            HUNDREDTH,
            HOUR,
        );
        self.retention(&format!("{path}.retention"), window.retention.as_ref());
    }

    fn sliding(&mut self, path: &str, sliding: &Sliding) {
        let (size, slide) = (&sliding.size, &sliding.slide);
        let before = self.found.len();
        self.span(&format!("{path}.size"), size, SECOND, WEEK);
        self.span(&format!("{path}.slide"), slide, SECOND, WEEK);
        let (true, Some(size_ms), Some(slide_ms)) = (
            self.found.len() == before,
            milliseconds(size),
            milliseconds(slide),
        ) else {
            return;
        };
        let path = format!("{path}.slide");
        if slide_ms > size_ms {
            let message =
                format!("{slide} is longer than size {size}: readings between would not count");
            self.refuse(path, message);
        } else if !size_ms.is_multiple_of(slide_ms) {
            self.refuse(
                path,
                format!("size {size} must be a multiple of slide {slide}"),
            );
        } else if size_ms / slide_ms > MOST_OVERLAPS {
            let message = format!(
                "every reading would be in {} windows at once; {MOST_OVERLAPS} are allowed: make slide longer or size shorter",
                size_ms / slide_ms
            );
            self.refuse(path, message);
        }
    }

    fn groups(&mut self, path: &str, window: &Window, input: &Input) {
        for (index, name) in window.group_by.iter().enumerate() {
            let path = format!("{path}.groupBy[{index}]");
            match input.fields.iter().find(|field| field.name == *name) {
                None => self.refuse(path, unknown(name)),
                Some(field) if !field.required => {
                    let message = format!(
                        "`{name}` is optional; a group needs a value: make the field required"
                    );
                    self.refuse(path, message);
                }
                Some(_) => {}
            }
        }
    }

    fn aggregate(&mut self, path: &str, aggregate: &Aggregate, fields: &[Field]) {
        let Some((function, name, suits)) = function(aggregate) else {
            return;
        };
        let path = format!("{path}.{function}");
        match fields.iter().find(|field| field.name == name) {
            None => self.refuse(format!("{path}.field"), unknown(name)),
            Some(field) if !suits.takes(field.type_) => {
                let (wanted, instead) = suits.advice();
                let kind = expressions::kind(field.type_);
                let message = format!(
                    "{function} is for {wanted}, and `{name}` is of type {kind}; use {instead}"
                );
                self.refuse(format!("{path}.field"), message);
            }
            Some(_) => {}
        }
        if let Some(quantile) = &aggregate.quantile {
            let q = &quantile.q;
            if !q.parse().is_some_and(|q| (0.0..=1.0).contains(&q)) {
                let message =
                    format!("must be between 0 and 1, not {q}: \"0.99\" is the 99th percentile");
                self.refuse(format!("{path}.q"), message);
            }
        }
    }

    fn columns(&mut self, path: &str, window: &Window, fields: &[Field]) {
        // Without a table something was refused already.
        let Ok(table) = WindowTable::of(window, fields) else {
            return;
        };
        for (index, column) in table.columns.iter().enumerate() {
            let name = &column.name;
            if table.columns[..index]
                .iter()
                .any(|other| other.name == *name)
            {
                let message =
                    format!("the table would have two columns `{name}`; rename one of them");
                self.refuse(path, message);
            }
        }
    }
}

/// Which fields an aggregate can be of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Suits {
    Any,
    Numbers,
    Ordered,
}

impl Suits {
    fn takes(self, type_: FieldType) -> bool {
        match self {
            Self::Any => true,
            Self::Numbers => matches!(
                type_,
                FieldType::Double | FieldType::Integer | FieldType::Long
            ),
            Self::Ordered => type_ != FieldType::Boolean,
        }
    }

    /// What it takes, and what to use for a field that it does not.
    fn advice(self) -> (&'static str, &'static str) {
        match self {
            Self::Any => ("every field", "any field"),
            Self::Numbers => ("numbers", "countDistinct, first or last"),
            Self::Ordered => ("what has an order", "countDistinct, first or last"),
        }
    }
}

/// What an aggregate is called, its field, and what that must be; `None` for one that has no field.
fn function(aggregate: &Aggregate) -> Option<(&'static str, &str, Suits)> {
    if let Some(distinct) = &aggregate.count_distinct {
        return Some(("countDistinct", &distinct.field, Suits::Any));
    }
    if let Some(quantile) = &aggregate.quantile {
        return Some(("quantile", &quantile.field, Suits::Numbers));
    }
    [
        ("sum", &aggregate.sum, Suits::Numbers),
        ("avg", &aggregate.avg, Suits::Numbers),
        ("stddev", &aggregate.stddev, Suits::Numbers),
        ("min", &aggregate.min, Suits::Ordered),
        ("max", &aggregate.max, Suits::Ordered),
        ("first", &aggregate.first, Suits::Any),
        ("last", &aggregate.last, Suits::Any),
    ]
    .into_iter()
    .find_map(|(name, of, suits)| Some((name, of.as_ref()?.field.as_str(), suits)))
}

fn unknown(name: &str) -> String {
    format!("input.fields has no field `{name}`")
}

fn milliseconds(span: &Duration) -> Option<u128> {
    span.parse().map(|span| span.as_millis())
}
