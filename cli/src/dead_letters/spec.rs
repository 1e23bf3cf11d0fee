//! What a reading has to be like by the spec: each field, and one that is right. Pure.

use jiff::Timestamp;
use sensorstream_crds::{
    input::{Field, FieldType, Input},
    scalars::Decimal,
};
use serde_json::{Map, Value, json};

/// Each field as a row of a table: a mark where `detail` is about it, name, type and what is allowed.
pub fn fields(input: &Input, detail: &str) -> Vec<Vec<String>> {
    let about = detail
        .strip_prefix("field `")
        .and_then(|rest| rest.split_once('`'))
        .map(|(name, _)| name);
    let row = |field: &Field| {
        let mark = if about == Some(&field.name) { ">" } else { " " };
        vec![
            format!("{mark} {}", field.member()),
            type_name(field.type_).to_owned(),
            allowed(field),
        ]
    };
    input.fields.iter().map(row).collect()
}

fn type_name(type_: FieldType) -> &'static str {
    match type_ {
        FieldType::String => "text",
        FieldType::Double => "number",
        FieldType::Integer => "whole number of 32 bits",
        FieldType::Long => "whole number of 64 bits",
        FieldType::Boolean => "true or false",
        FieldType::Timestamp => "time in RFC 3339",
    }
}

fn allowed(field: &Field) -> String {
    let mut parts = vec![
        if field.required {
            "required"
        } else {
            "may be absent"
        }
        .to_owned(),
    ];
    match (&field.minimum, &field.maximum) {
        (Some(minimum), Some(maximum)) => parts.push(format!("from {minimum} to {maximum}")),
        (Some(minimum), None) => parts.push(format!("at least {minimum}")),
        (None, Some(maximum)) => parts.push(format!("at most {maximum}")),
        (None, None) => {}
    }
    if let Some(length) = field.max_length {
        parts.push(format!("at most {length} characters"));
    }
    if !field.enum_.is_empty() {
        parts.push(format!("one of {}", field.enum_.join(", ")));
    }
    parts.join(", ")
}

/// A reading that is right, taken at a time.
pub fn example(input: &Input, now: Timestamp) -> Value {
    let members: Map<String, Value> = input
        .fields
        .iter()
        .map(|field| (field.member().to_owned(), value(field, now)))
        .collect();
    Value::Object(members)
}

fn value(field: &Field, now: Timestamp) -> Value {
    let bound = |bound: &Option<Decimal>| bound.as_ref().map(Decimal::get);
    // Between the bounds, or as near to zero as there is one.
    let number = match (bound(&field.minimum), bound(&field.maximum)) {
        (Some(minimum), Some(maximum)) => f64::midpoint(minimum, maximum),
        (Some(minimum), None) => minimum.max(0.0),
        (None, Some(maximum)) => maximum.min(0.0),
        (None, None) => 0.0,
    };
    match field.type_ {
        FieldType::String => {
            if let Some(first) = field.enum_.first() {
                json!(first)
            } else {
                let name: String = "example"
                    .chars()
                    .take(field.max_length.unwrap_or(7) as usize)
                    .collect();
                json!(name)
            }
        }
        FieldType::Double => json!(number),
        FieldType::Integer | FieldType::Long => json!(number.floor() as i64),
        FieldType::Boolean => json!(true),
        FieldType::Timestamp => json!(now.strftime("%FT%TZ").to_string()),
    }
}

#[cfg(test)]
mod tests {
    use sensorstream_crds::SensorPipeline;
    use sensorstream_processor::process::decode::{Decoder, Scratch};

    use super::*;

    fn inputs() -> Vec<Input> {
        [
            include_str!("../../../examples/environment.yaml"),
            include_str!("../../../examples/factory.yaml"),
            include_str!("../../../examples/clickstream.yaml"),
            include_str!("../../../examples/heartbeat.yaml"),
        ]
        .into_iter()
        .map(|text| {
            let pipeline: SensorPipeline = serde_yaml_ng::from_str(text).unwrap();
            pipeline.spec.input
        })
        .collect()
    }

    #[test]
    fn the_example_is_what_the_pipeline_takes() {
        let now = "2026-03-04T12:00:00Z".parse().unwrap();
        for input in inputs() {
            let reading = example(&input, now).to_string();
            let decoder = Decoder::new(&input);
            let taken = decoder.decode(
                Some(reading.as_bytes()),
                Some(now.as_millisecond()),
                &mut Scratch::default(),
                |_, _| (),
            );
            assert_eq!(taken, Ok(()), "{reading}");
        }
    }

    #[test]
    fn the_field_that_is_wrong_is_marked() {
        let rows = fields(
            &inputs()[0],
            "field `temperature`: 300 is not from -60 to 250",
        );
        let marks: Vec<bool> = rows.iter().map(|row| row[0].starts_with('>')).collect();
        assert_eq!(marks, [false, false, true, false]);
        let right = ["> temperature", "number", "required, from -60 to 250"];
        assert_eq!(rows[2], right);
    }
}
