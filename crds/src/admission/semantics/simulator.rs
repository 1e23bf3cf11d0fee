//! Whether the simulator makes values that their fields take, and a timeline that it can keep to.

use std::time::Duration as Span;

use super::{Check, DAY};
use crate::{
    input::{Field, FieldType},
    scalars::Decimal,
    simulator::{FieldGenerator, Simulator},
    timeline::{Backfill, Then},
};

const LEAST_RATE: f64 = 0.1;
const GREATEST_RATE: f64 = 200_000.0;
/// How far back a timeline may begin.
const LONGEST_PAST: Span = Span::from_hours(3650 * 24);
/// As many as a spread may have.
const MOST_READINGS: u128 = 1_000_000_000;

impl Check {
    pub(super) fn simulator(&mut self, simulator: &Simulator, fields: &[Field]) {
        let path = "spec.simulator";
        let fits = simulator
            .rate
            .parse()
            .is_some_and(|r| (LEAST_RATE..=GREATEST_RATE).contains(&r));
        if !fits {
            let rate = &simulator.rate;
            let message = format!("must be between {LEAST_RATE} and {GREATEST_RATE}, not {rate}");
            self.refuse(format!("{path}.rate"), message);
        }
        if let Some(timeline) = &simulator.timeline {
            let path = format!("{path}.timeline");
            if let Some(spread) = &timeline.spread {
                let path = format!("{path}.spread.over");
                self.span(&path, &spread.over, Span::from_secs(1), LONGEST_PAST);
            }
            if let Some(backfill) = &timeline.backfill {
                self.backfill(&format!("{path}.backfill"), backfill, &simulator.rate);
            }
        }
        if let Some(faults) = &simulator.faults {
            let shares = [
                &faults.malformed,
                &faults.late,
                &faults.duplicate,
                &faults.fast_clock,
            ];
            let total: f64 = shares.iter().filter_map(|share| share.parse()).sum();
            if total > 1.0 + 1e-9 {
                self.refuse(
                    format!("{path}.faults"),
                    "the shares add up to more than 100%",
                );
            }
        }
        for (index, generator) in simulator.fields.iter().enumerate() {
            if let Some(field) = fields.iter().find(|field| field.name == generator.name) {
                self.generator(&format!("{path}.fields[{index}]"), generator, field);
            }
        }
    }

    fn backfill(&mut self, path: &str, backfill: &Backfill, rate: &Decimal) {
        let (over, every) = (&backfill.over, &backfill.every);
        let before = self.found.len();
        self.span(
            &format!("{path}.over"),
            over,
            Span::from_secs(1),
            LONGEST_PAST,
        );
        self.span(&format!("{path}.every"), every, Span::from_millis(1), DAY);
        let (true, Some(over_span), Some(every_span)) =
            (self.found.len() == before, over.parse(), every.parse())
        else {
            return;
        };
        let path = format!("{path}.every");
        let readings = over_span.as_nanos().div_ceil(every_span.as_nanos());
        if every_span > over_span {
            let message = format!("{every} is longer than over {over}: there would be one reading");
            self.refuse(path, message);
        } else if readings > MOST_READINGS {
            let message = format!(
                "a reading every {every} over {over} makes {readings}; {MOST_READINGS} are allowed: make every longer or over shorter"
            );
            self.refuse(path, message);
        } else if backfill.then == Then::Live
            && rate
                .parse()
                .is_some_and(|rate| rate * every_span.as_secs_f64() <= 1.0)
        {
            let message = format!(
                "a reading every {every} is no slower than rate {rate}, which would never catch up with the present: make rate greater or every longer, or choose then: Stop"
            );
            self.refuse(path, message);
        }
    }

    fn generator(&mut self, path: &str, generator: &FieldGenerator, field: &Field) {
        let number = matches!(
            field.type_,
            FieldType::Double | FieldType::Integer | FieldType::Long
        );
        let numeric = generator.uniform.is_some()
            || generator.normal.is_some()
            || generator.random_walk.is_some();
        if numeric && !number {
            let message = format!(
                "`{}` is no number; use choice, sequence, constant or now",
                field.name
            );
            self.refuse(path, message);
        }
        if generator.now.is_some() != (field.type_ == FieldType::Timestamp) {
            let message = format!(
                "`{}`: the generator now is for timestamps, and they need it",
                field.name
            );
            self.refuse(path, message);
        }
        if let Some(uniform) = &generator.uniform {
            self.ordered(path, &uniform.minimum, &uniform.maximum);
            self.within(path, &uniform.minimum, field);
            self.within(path, &uniform.maximum, field);
        }
        if let Some(normal) = &generator.normal {
            if let (Some(minimum), Some(maximum)) = (&normal.minimum, &normal.maximum) {
                self.ordered(path, minimum, maximum);
            }
            if normal.stddev.parse().is_some_and(|stddev| stddev < 0.0) {
                self.refuse(format!("{path}.normal.stddev"), "must not be negative");
            }
            let unbounded_below = field.minimum.is_some() && normal.minimum.is_none();
            let unbounded_above = field.maximum.is_some() && normal.maximum.is_none();
            if unbounded_below || unbounded_above {
                let message =
                    "needs minimum and maximum where its field has them, or it makes bad readings";
                self.refuse(format!("{path}.normal"), message);
            }
            for bound in [&normal.minimum, &normal.maximum].into_iter().flatten() {
                self.within(path, bound, field);
            }
        }
        if let Some(walk) = &generator.random_walk {
            self.ordered(path, &walk.minimum, &walk.start);
            self.ordered(path, &walk.start, &walk.maximum);
            self.within(path, &walk.minimum, field);
            self.within(path, &walk.maximum, field);
        }
        if let Some(sequence) = &generator.sequence {
            if field.type_ == FieldType::Boolean || !field.enum_.is_empty() {
                let message = format!(
                    "a sequence makes values that `{}` does not allow; use choice",
                    field.name
                );
                self.refuse(path, message);
            }
            if number && !sequence.prefix.is_empty() {
                let message = format!("must be empty: `{}` is a number", field.name);
                self.refuse(format!("{path}.sequence.prefix"), message);
            }
            let last = sequence.start + sequence.count - 1;
            if number {
                self.within(path, &Decimal::Integer(sequence.start), field);
                self.within(path, &Decimal::Integer(last), field);
            } else {
                let digits = last.to_string().len().max(sequence.width.into());
                let length = sequence.prefix.chars().count() + digits;
                self.text_length(path, length, field);
            }
        }
        let choices = generator.choice.iter().flat_map(|choice| &choice.values);
        let values = choices
            .map(|choice| &choice.value)
            .chain(generator.constant.iter().map(|c| &c.value));
        for value in values {
            self.literal(path, value, field);
        }
    }

    fn literal(&mut self, path: &str, value: &str, field: &Field) {
        let fits = match field.type_ {
            FieldType::String => {
                self.text_length(path, value.chars().count(), field);
                field.enum_.is_empty() || field.enum_.iter().any(|allowed| allowed == value)
            }
            FieldType::Double => value.parse::<f64>().is_ok_and(f64::is_finite),
            FieldType::Integer => value.parse::<i32>().is_ok(),
            FieldType::Long => value.parse::<i64>().is_ok(),
            FieldType::Boolean => matches!(value, "true" | "false"),
            // Refused above, with the advice to use `now`.
            FieldType::Timestamp => true,
        };
        if !fits {
            let message = format!(
                "`{value}` is no value that the field `{}` allows",
                field.name
            );
            self.refuse(path, message);
        } else if matches!(
            field.type_,
            FieldType::Double | FieldType::Integer | FieldType::Long
        ) {
            self.within(path, &Decimal::Text(value.to_owned()), field);
        }
    }

    fn text_length(&mut self, path: &str, length: usize, field: &Field) {
        if let Some(longest) = field.max_length
            && length > longest as usize
        {
            let message = format!(
                "makes text of {length} characters; `{}` allows {longest}",
                field.name
            );
            self.refuse(path, message);
        }
    }

    fn ordered(&mut self, path: &str, low: &Decimal, high: &Decimal) {
        if low.parse() > high.parse() {
            self.refuse(path, format!("{low} is greater than {high}"));
        }
    }

    fn within(&mut self, path: &str, value: &Decimal, field: &Field) {
        let below = field
            .minimum
            .as_ref()
            .is_some_and(|minimum| value.parse() < minimum.parse());
        let above = field
            .maximum
            .as_ref()
            .is_some_and(|maximum| value.parse() > maximum.parse());
        if below || above {
            let message = format!("{value} is out of the bounds of the field `{}`", field.name);
            self.refuse(path, message);
        }
    }
}
