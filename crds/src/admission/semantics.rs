//! What a schema and CEL can't see: relations between numbers written as text, spans of time,
//! and whether generated values fit their fields.

use std::time::Duration as Span;

use super::Violation;
use crate::{
    SensorPipeline,
    input::{Field, FieldType, Topic},
    scalars::{Decimal, Duration},
    simulator::{FieldGenerator, Simulator},
};

/// Topic settings that would break what the pipeline promises, with the reason.
const REFUSED_TOPIC_CONFIG: [(&str, &str); 1] = [(
    "message.timestamp.type",
    "the operator sets it to LogAppendTime on topics it makes, so that a fast clock can be told",
)];

const MINUTE: Span = Span::from_mins(1);
const DAY: Span = Span::from_hours(24);
const LEAST_RATE: f64 = 0.1;
const GREATEST_RATE: f64 = 200_000.0;

/// Everything wrong with the meaning of a resource whose structure is right.
pub(super) fn violations(pipeline: &SensorPipeline) -> Vec<Violation> {
    let spec = &pipeline.spec;
    let mut check = Check::default();
    check.span(
        "spec.stopDeadline",
        &spec.stop_deadline,
        Span::from_secs(5),
        DAY,
    );
    let time = &spec.input.event_time;
    check.span(
        "spec.input.eventTime.maxDelay",
        &time.max_delay,
        Span::ZERO,
        30 * DAY,
    );
    check.span(
        "spec.input.eventTime.maxFutureSkew",
        &time.max_future_skew,
        Span::from_secs(1),
        365 * DAY,
    );
    if let Some(retention) = &spec.outputs.table.retention {
        check.span(
            "spec.outputs.table.retention",
            retention,
            MINUTE,
            36_500 * DAY,
        );
    }
    check.bootstrap_servers(&spec.kafka.bootstrap_servers);
    check.topic("spec.input.topic", &spec.input.topic);
    check.topic(
        "spec.outputs.deadLetter.topic",
        &spec.outputs.dead_letter.topic,
    );
    for (index, field) in spec.input.fields.iter().enumerate() {
        check.field(&format!("spec.input.fields[{index}]"), field);
    }
    check.members(&spec.input.fields);
    if let Some(simulator) = &spec.simulator {
        check.simulator(simulator, &spec.input.fields);
    }
    check.found
}

#[derive(Default)]
struct Check {
    found: Vec<Violation>,
}

impl Check {
    fn refuse(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.found.push(Violation::new(path, message));
    }

    fn span(&mut self, path: &str, span: &Duration, least: Span, greatest: Span) {
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

    fn bootstrap_servers(&mut self, servers: &str) {
        for pair in servers.split(',') {
            let port = pair
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none_or(|port| port == 0) {
                let message = format!("the port of `{pair}` must be between 1 and 65535");
                self.refuse("spec.kafka.bootstrapServers", message);
            }
        }
    }

    fn topic(&mut self, path: &str, topic: &Topic) {
        for (key, why) in REFUSED_TOPIC_CONFIG {
            if topic.config.contains_key(key) {
                self.refuse(format!("{path}.config"), format!("remove {key}: {why}"));
            }
        }
        if topic
            .config
            .get("cleanup.policy")
            .is_some_and(|policy| policy.contains("compact"))
        {
            let message = "cleanup.policy must be delete: compaction removes readings";
            self.refuse(format!("{path}.config"), message);
        }
    }

    fn field(&mut self, path: &str, field: &Field) {
        if let (Some(minimum), Some(maximum)) = (&field.minimum, &field.maximum)
            && minimum.parse() > maximum.parse()
        {
            self.refuse(
                path,
                format!("minimum {minimum} is greater than maximum {maximum}"),
            );
        }
        for (name, bound) in [("minimum", &field.minimum), ("maximum", &field.maximum)] {
            let Some(bound) = bound else { continue };
            let whole = bound.parse().is_some_and(|b| b.fract() == 0.0);
            if field.type_ != FieldType::Double && !whole {
                self.refuse(
                    format!("{path}.{name}"),
                    format!("must be a whole number, not {bound}"),
                );
            }
            let fits = bound
                .parse()
                .is_some_and(|b| (-2_147_483_648.0..=2_147_483_647.0).contains(&b));
            if field.type_ == FieldType::Integer && !fits {
                let message = format!("{bound} does not fit the type integer (32 bits); use long");
                self.refuse(format!("{path}.{name}"), message);
            }
        }
        if let Some(longest) = field.max_length {
            for value in field
                .enum_
                .iter()
                .filter(|v| v.chars().count() > longest as usize)
            {
                let message = format!("`{value}` is longer than maxLength {longest}");
                self.refuse(format!("{path}.enum"), message);
            }
        }
    }

    fn members(&mut self, fields: &[Field]) {
        for (index, field) in fields.iter().enumerate() {
            if let Some(other) = fields[..index]
                .iter()
                .find(|f| f.member() == field.member())
            {
                let message = format!(
                    "`{}` is read from the member `{}` already by the field `{}`",
                    field.name,
                    field.member(),
                    other.name
                );
                self.refuse(format!("spec.input.fields[{index}].from"), message);
            }
        }
    }

    fn simulator(&mut self, simulator: &Simulator, fields: &[Field]) {
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

/// A span in the units it is best read in.
fn shown(span: Span) -> String {
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
