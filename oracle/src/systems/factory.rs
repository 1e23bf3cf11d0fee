//! `examples/factory.yaml`: motors, their minutes, and alerts.

use crate::{Field, Input, Oracle, Record, Type, windows::Sliding};

/// What motors send.
pub const INPUT: Input = Input {
    fields: &[
        Field::required("device_id", Type::Text(Some(255))),
        Field::required("ts", Type::Time),
        Field::required("temperature_c", Type::Number(-60.0, 250.0)),
        Field::required("vibration_g", Type::Number(0.0, 50.0)),
        Field::optional("status", Type::Text(None)),
        Field::optional("site", Type::Text(None)),
        Field::optional("line", Type::Text(None)),
    ],
    event_time: "ts",
    max_delay: "2 minutes",
};

/// A motor's minutes.
pub const MINUTES: Sliding = Sliding::tumbling("1 minute");

/// What is computed of a window's readings. Of the average, it is the sum that is rounded: temperatures have
/// one decimal, so no sum is halfway between two roundings.
pub const AGGREGATES: &str =
    "count(*) AS event_count, round(sum(temperature_c)::numeric, 3), max(vibration_g)";
/// The same in a window's table.
pub const COLUMNS: &str =
    "event_count, round(avg_temperature_c::numeric * event_count, 3), max_vibration_g";

/// Asserts that the tables in the schema `tables` hold every reading and every minute.
///
/// # Panics
/// When they do not.
pub async fn assert_tables(oracle: &Oracle, tables: &str) {
    let readings = oracle.readings();
    let fields = "device_id, ts, temperature_c, vibration_g, status, site, line";
    let expected = format!("SELECT partition, off, {fields} FROM {readings}");
    let found = format!("SELECT _partition, _offset, {fields} FROM {tables}.sensor_readings");
    oracle
        .assert_same("sensor_readings", &expected, &found)
        .await;

    // A motor belongs to one partition.
    let expected = format!(
        "SELECT window_start, window_end, device_id, {AGGREGATES}, partition
           FROM ({}) x GROUP BY window_start, window_end, device_id, partition",
        MINUTES.taken(&readings)
    );
    let found = format!(
        "SELECT window_start, window_end, device_id, {COLUMNS}, _partition
           FROM {tables}.device_minutes"
    );
    oracle
        .assert_same("device_minutes", &expected, &found)
        .await;
}

/// Asserts that there is one alert for each reading that is hot or shakes, and what is in it. `topic` is the
/// input topic.
///
/// # Panics
/// When it is not so.
pub async fn assert_alerts(oracle: &Oracle, topic: &str, alerts: &[Record]) {
    let expected = format!(
        "SELECT device_id AS key, 'overheating' AS rule, 'warning' AS severity, ts AS event_time,
                '{topic}' AS topic, partition, off, device_id, ts, temperature_c, vibration_g, status, site, line
           FROM {} WHERE temperature_c > 85 OR vibration_g > 0.5",
        oracle.readings()
    );
    let table = oracle.load_topic("alerts", alerts).await;
    let fields = INPUT.fields.iter();
    let reading: Vec<String> = fields
        .map(|field| field.column("(alert->'reading')"))
        .collect();
    let found = format!(
        "SELECT key, alert->>'rule', alert->>'severity', (alert->>'event_time')::timestamptz,
                alert->'source'->>'topic', (alert->'source'->>'partition')::integer,
                (alert->'source'->>'offset')::bigint, {}
           FROM (SELECT key, convert_from(value, 'UTF8')::jsonb AS alert FROM {table}) x",
        reading.join(", ")
    );
    oracle.assert_same("alerts", &expected, &found).await;
}
