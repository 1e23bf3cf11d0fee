use parquet::{
    basic::{Compression, Encoding},
    file::{
        metadata::RowGroupMetaData,
        reader::{FileReader, SerializedFileReader},
        statistics::Statistics,
    },
    record::{Field, Row},
};
use sensorstream_expressions::Value;
use serde_json::json;

use super::*;
use crate::{Extent, Hour, Rows, rows::ROW_GROUP};

fn schema() -> Schema {
    let input = json!({
        "topic": { "name": "readings" },
        "key": "device",
        "fields": [
            { "name": "device", "type": "string" },
            { "name": "at", "type": "timestamp" },
            { "name": "warmth", "type": "double" },
            { "name": "turns", "type": "integer", "required": false },
            { "name": "total", "type": "long", "required": false },
            { "name": "on", "type": "boolean", "required": false },
            { "name": "note", "type": "string", "required": false },
        ],
        "eventTime": { "field": "at" },
    });
    Schema::of(&serde_json::from_value(input).unwrap())
}

/// Every third reading has its optional fields.
fn values(offset: i64) -> [Value<'static>; 7] {
    let there = offset % 3 == 0;
    let optional = |value: Value<'static>| if there { value } else { Value::Null };
    [
        Value::Text(format!("MTR-{:05}", offset % 200).into()),
        Value::Timestamp(1_755_434_096_789_000 + offset),
        Value::Double(offset as f64 / 10.0),
        optional(Value::Integer(-5)),
        optional(Value::Long(i64::MIN)),
        optional(Value::Boolean(true)),
        optional(Value::Text("größer, 大".into())),
    ]
}

fn file(schema: &Schema, rows: i64) -> ClosedFile {
    let mut file = ClosedFile {
        extent: Extent {
            hour: Hour(487_620),
            first: 0,
            last: rows - 1,
            rows,
        },
        rows: Rows::default(),
    };
    for offset in 0..rows {
        file.rows.push(schema, offset, &values(offset));
    }
    file
}

fn read(bytes: Bytes) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(bytes).unwrap()
}

fn cells(row: &Row) -> Vec<&Field> {
    row.get_column_iter().map(|(_, cell)| cell).collect()
}

#[test]
fn readings_come_back_as_they_were() {
    let schema = schema();
    let reader = read(encode(&schema, 3, &file(&schema, 4)).unwrap());
    let rows: Vec<Row> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap())
        .collect();
    let names: Vec<&str> = rows[0].get_column_iter().map(|(name, _)| &**name).collect();
    let system = ["_partition", "_offset"];
    let fields = ["device", "at", "warmth", "turns", "total", "on", "note"];
    assert_eq!(names, [&fields[..], &system[..]].concat());
    let text = |text: &str| Field::Str(text.into());
    let time = Field::TimestampMicros;
    assert_eq!(
        cells(&rows[3]),
        [
            &text("MTR-00003"),
            &time(1_755_434_096_789_003),
            &Field::Double(0.3),
            &Field::Int(-5),
            &Field::Long(i64::MIN),
            &Field::Bool(true),
            &text("größer, 大"),
            &Field::Int(3),
            &Field::Long(3),
        ]
    );
    assert_eq!(
        cells(&rows[1]),
        [
            &text("MTR-00001"),
            &time(1_755_434_096_789_001),
            &Field::Double(0.1),
            &Field::Null,
            &Field::Null,
            &Field::Null,
            &Field::Null,
            &Field::Int(3),
            &Field::Long(1),
        ]
    );
}

#[test]
fn the_schema_is_what_other_readers_expect() {
    let mut shown = Vec::new();
    parquet::schema::printer::print_schema(&mut shown, &schema().parquet);
    assert_eq!(
        String::from_utf8(shown).unwrap(),
        "message reading {
  REQUIRED BYTE_ARRAY device (STRING);
  REQUIRED INT64 at (TIMESTAMP(MICROS,true));
  REQUIRED DOUBLE warmth;
  OPTIONAL INT32 turns;
  OPTIONAL INT64 total;
  OPTIONAL BOOLEAN on;
  OPTIONAL BYTE_ARRAY note (STRING);
  REQUIRED INT32 _partition;
  REQUIRED INT64 _offset;
}
"
    );
}

#[test]
fn columns_are_compressed_and_have_statistics() {
    let schema = schema();
    let rows = ROW_GROUP as i64 + 1_000;
    let reader = read(encode(&schema, 3, &file(&schema, rows)).unwrap());
    let metadata = reader.metadata();
    let groups: Vec<i64> = metadata
        .row_groups()
        .iter()
        .map(RowGroupMetaData::num_rows)
        .collect();
    assert_eq!(groups, [ROW_GROUP as i64, 1_000]);
    let columns = metadata.row_group(0).columns();
    for column in columns {
        assert!(matches!(column.compression(), Compression::ZSTD(_)));
        assert!(column.statistics().is_some());
    }
    let encodings = |at: usize| columns[at].encodings().collect::<Vec<_>>();
    assert!(encodings(0).contains(&Encoding::RLE_DICTIONARY));
    assert!(encodings(1).contains(&Encoding::DELTA_BINARY_PACKED));
    assert!(encodings(8).contains(&Encoding::DELTA_BINARY_PACKED));
    let Some(Statistics::Int64(offsets)) = columns[8].statistics() else {
        panic!("offsets have statistics");
    };
    assert_eq!(
        (offsets.min_opt(), offsets.max_opt()),
        (Some(&0), Some(&(ROW_GROUP as i64 - 1)))
    );
    assert_eq!(metadata.file_metadata().num_rows(), rows);
}

#[test]
fn the_same_readings_are_the_same_bytes() {
    let rows = 5_000;
    let bytes = move || {
        let schema = schema();
        encode(&schema, 3, &file(&schema, rows)).unwrap()
    };
    let first = bytes();
    // Whatever happens meanwhile.
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert!(first == std::thread::spawn(bytes).join().unwrap());
    let elsewhere = encode(&schema(), 4, &file(&schema(), rows)).unwrap();
    assert!(first != elsewhere);
}

#[test]
fn a_file_without_readings_is_a_file() {
    let schema = schema();
    let reader = read(encode(&schema, 3, &file(&schema, 0)).unwrap());
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
}
