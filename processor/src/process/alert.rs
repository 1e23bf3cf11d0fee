//! What an alert looks like: one JSON object that says which rule, how bad, which reading and where
//! that reading is.

use std::borrow::Cow;

use jiff::Timestamp;
use sensorstream_broker::partition_queue::Record;
use sensorstream_crds::input::Input;
use sensorstream_engine::Plan;
use sensorstream_expressions::Value;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// Writes alerts of one pipeline.
#[derive(Debug)]
pub struct AlertWriter {
    rules: Vec<(String, &'static str)>,
    fields: Vec<String>,
    key: usize,
    topic: String,
}

/// The reading that an alert is about.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// Its values, in the order of the fields.
    pub values: &'a [Value<'a>],
    /// Its event time, in microseconds since 1970.
    pub event_time_us: i64,
    /// The partition that it came from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

impl<'a> Occasion<'a> {
    /// A record that came to these values at this time.
    pub fn of(record: &Record<'_>, partition: i32, values: &'a [Value<'a>], time: i64) -> Self {
        Self {
            values,
            event_time_us: time,
            partition,
            offset: record.offset(),
        }
    }
}

#[derive(Serialize)]
struct Alert<'a> {
    rule: &'a str,
    severity: &'a str,
    event_time: Timestamp,
    key: Json<'a>,
    reading: Reading<'a>,
    source: Source<'a>,
}

#[derive(Serialize)]
struct Source<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
}

struct Reading<'a> {
    fields: &'a [String],
    values: &'a [Value<'a>],
}

impl Serialize for Reading<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (field, value) in self.fields.iter().zip(self.values) {
            map.serialize_entry(field, &Json(value))?;
        }
        map.end()
    }
}

/// A value as JSON has it.
struct Json<'a>(&'a Value<'a>);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Double(number) => serializer.serialize_f64(*number),
            Value::Integer(number) => serializer.serialize_i32(*number),
            Value::Long(number) => serializer.serialize_i64(*number),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Timestamp(micros) => time(*micros).serialize(serializer),
        }
    }
}

/// A time that a decoder gave out: within the years 2000 to 2100.
fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl AlertWriter {
    /// A writer for the rules of a plan.
    ///
    /// # Panics
    /// When the key names no field, which validation refuses.
    pub fn new(input: &Input, plan: &Plan) -> Self {
        Self {
            rules: plan
                .rules()
                .iter()
                .map(|rule| (rule.name.clone(), rule.severity.as_str()))
                .collect(),
            fields: input
                .fields
                .iter()
                .map(|field| field.name.clone())
                .collect(),
            key: input
                .fields
                .iter()
                .position(|field| field.name == input.key)
                .expect("the key names a field"),
            topic: input.topic.name.clone(),
        }
    }

    /// The key of the record that an alert about these values goes into.
    pub fn key<'a>(&self, values: &'a [Value<'_>]) -> Cow<'a, str> {
        text(&values[self.key])
    }

    /// Writes the alert of the rule with this number.
    ///
    /// # Panics
    /// Never: what is written is representable as JSON.
    pub fn write(&self, rule: usize, about: Occasion<'_>, out: &mut Vec<u8>) {
        let (name, severity) = &self.rules[rule];
        let alert = Alert {
            rule: name,
            severity,
            event_time: time(about.event_time_us),
            key: Json(&about.values[self.key]),
            reading: Reading {
                fields: &self.fields,
                values: about.values,
            },
            source: Source {
                topic: &self.topic,
                partition: about.partition,
                offset: about.offset,
            },
        };
        serde_json::to_writer(out, &alert).expect("an alert is representable as JSON");
    }
}

/// A key's value as a record's key has it.
fn text<'a>(value: &'a Value<'_>) -> Cow<'a, str> {
    match value {
        Value::Null => "".into(),
        Value::Text(text) => text.as_ref().into(),
        Value::Double(number) => number.to_string().into(),
        Value::Integer(number) => number.to_string().into(),
        Value::Long(number) => number.to_string().into(),
        Value::Boolean(value) => value.to_string().into(),
        Value::Timestamp(micros) => time(*micros).to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_alert_names_its_rule_its_reading_and_where_that_is() {
        let input: Input = serde_json::from_value(json!({
            "topic": { "name": "sensor_events" },
            "key": "device_id",
            "fields": [
                { "name": "device_id", "type": "string" },
                { "name": "ts", "type": "timestamp" },
                { "name": "temperature_c", "type": "double" },
                { "name": "line", "type": "string", "required": false },
            ],
            "eventTime": { "field": "ts" },
        }))
        .unwrap();
        let rules = serde_json::from_value(json!([
            { "name": "overheating", "when": "temperature_c > 85.0", "severity": "Critical" },
        ]))
        .unwrap();
        let rules: Vec<sensorstream_crds::rules::Rule> = rules;
        let plan = Plan::compile(&input, &[], &rules).unwrap();
        let at = 1_755_434_096_789_000;
        let values = [
            Value::Text("MTR-1".into()),
            Value::Timestamp(at),
            Value::Double(85.5),
            Value::Null,
        ];
        let mut out = Vec::new();
        let about = Occasion {
            values: &values,
            event_time_us: at,
            partition: 2,
            offset: 7,
        };
        AlertWriter::new(&input, &plan).write(0, about, &mut out);
        let alert: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            alert,
            json!({
                "rule": "overheating",
                "severity": "critical",
                "event_time": "2025-08-17T12:34:56.789Z",
                "key": "MTR-1",
                "reading": {
                    "device_id": "MTR-1",
                    "ts": "2025-08-17T12:34:56.789Z",
                    "temperature_c": 85.5,
                    "line": null,
                },
                "source": { "topic": "sensor_events", "partition": 2, "offset": 7 },
            })
        );
    }
}
