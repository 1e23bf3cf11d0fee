//! What other people's readers find in a lake: DuckDB and pyarrow, from PyPI.

use std::{
    process::{Command, Stdio},
    sync::Arc,
};

use sensorstream_expressions::Value;
use sensorstream_lake::{Limits, OpenFiles, Put, Schema, Settings, Store, encode, object_name};
use serde_json::json;
use tempfile::TempDir;

/// 2025-08-17T23:59:00Z, in microseconds since 1970.
const START: i64 = 1_755_475_140_000_000;
const SECOND: i64 = 1_000_000;
const PARTITION: i32 = 3;

fn schema() -> Arc<Schema> {
    let input = json!({
        "topic": { "name": "readings" },
        "key": "device",
        "fields": [
            { "name": "device", "type": "string" },
            { "name": "ts", "type": "timestamp" },
            { "name": "warmth", "type": "double" },
            { "name": "turns", "type": "integer", "required": false },
            { "name": "total", "type": "long", "required": false },
            { "name": "running", "type": "boolean", "required": false },
            { "name": "note", "type": "string", "required": false },
        ],
        "eventTime": { "field": "ts" },
    });
    Arc::new(Schema::of(&serde_json::from_value(input).unwrap()))
}

/// A reading a second, every second one with its optional fields.
fn push(files: &mut OpenFiles, offset: i64) {
    let optional = |value: Value<'static>| {
        if offset % 2 == 0 { value } else { Value::Null }
    };
    let time = START + offset * SECOND;
    let values = [
        Value::Text(format!("MTR-{:05}", offset % 7).into()),
        Value::Timestamp(time),
        Value::Double(20.5 + offset as f64),
        optional(Value::Integer(-5)),
        optional(Value::Long(1 << 40)),
        optional(Value::Boolean(true)),
        optional(Value::Text("größer".into())),
    ];
    files.push(offset, time, &values);
}

/// A lake of 150 readings in four files: two of each of two hours, of two days.
async fn fill(folder: &TempDir) {
    let uri = format!("file://{}", folder.path().display());
    let store = Store::open(&uri.parse().unwrap(), &Settings::default()).unwrap();
    let schema = schema();
    let roll = serde_json::from_value(json!({})).unwrap();
    let mut files = OpenFiles::new(schema.clone(), Limits::of(&roll));
    for readings in [0..30, 30..90, 90..150] {
        readings.for_each(|offset| push(&mut files, offset));
        for file in files.flush() {
            let name = object_name("topic", PARTITION, &file.extent);
            let bytes = encode(&schema, PARTITION, &file).unwrap();
            assert_eq!(store.put_once(&name, bytes).await.unwrap(), Put::Written);
        }
    }
}

fn run(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?} failed");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn rows_types_and_partitions_are_read_back() {
    let folder = TempDir::new().unwrap();
    fill(&folder).await;
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers");
    let python = run(&mut Command::new(format!("{here}/venv.sh")));
    let found = run(Command::new(python.trim())
        .arg(format!("{here}/read.py"))
        .arg(folder.path()));
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let hours = json!([["2025-08-17", 23, 60], ["2025-08-18", 0, 90]]);
    let first = |time: &str, next: &str| {
        json!([
            [
                "MTR-00000",
                time,
                20.5,
                -5,
                1_i64 << 40,
                true,
                "größer",
                3,
                0
            ],
            ["MTR-00001", next, 21.5, null, null, null, null, 3, 1],
        ])
    };
    assert_eq!(
        found["duckdb"],
        json!({
            "types": {
                "device": "VARCHAR",
                "ts": "TIMESTAMP WITH TIME ZONE",
                "warmth": "DOUBLE",
                "turns": "INTEGER",
                "total": "BIGINT",
                "running": "BOOLEAN",
                "note": "VARCHAR",
                "_partition": "INTEGER",
                "_offset": "BIGINT",
                "date": "DATE",
                "hour": "VARCHAR",
            },
            "hours": hours,
            "pruned": 90,
            "first": first("2025-08-17 23:59:00+00", "2025-08-17 23:59:01+00"),
        })
    );
    assert_eq!(
        found["pyarrow"],
        json!({
            "types": {
                "device": "string",
                "ts": "timestamp[us, tz=UTC]",
                "warmth": "double",
                "turns": "int32",
                "total": "int64",
                "running": "bool",
                "note": "string",
                "_partition": "int32",
                "_offset": "int64",
                "date": "string",
                "hour": "int32",
            },
            "hours": hours,
            "first": first("2025-08-17T23:59:00+00:00", "2025-08-17T23:59:01+00:00"),
        })
    );
}
