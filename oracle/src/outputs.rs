//! The topics that a pipeline writes, against its readings.

use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;

use crate::{Oracle, Record};

impl Record {
    /// Where the record comes from that this dead letter is of: partition and offset.
    ///
    /// # Panics
    /// When it is no dead letter.
    pub fn source(&self) -> (i32, i64) {
        let number = |name: &str| {
            let text = self.header(name).unwrap_or_else(|| panic!("no {name}"));
            text.parse::<i64>().expect("a number")
        };
        let partition = number("sensorstream-source-partition");
        (
            i32::try_from(partition).expect("a partition"),
            number("sensorstream-source-offset"),
        )
    }
}

impl Oracle {
    /// Loads records of an output topic into a table of this name: `key`, `value`, and `headers` as a JSON
    /// object.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn load_topic(&self, name: &str, records: &[Record]) -> String {
        let table = self.table(name);
        self.run(&format!(
            "DROP TABLE IF EXISTS {table};
             CREATE TABLE {table} (key text, value bytea, headers jsonb)"
        ))
        .await;
        let insert = format!(
            "INSERT INTO {table} SELECT * FROM unnest($1::text[], $2::bytea[], $3::jsonb[])"
        );
        for chunk in records.chunks(10_000) {
            let headers = |record: &Record| {
                let members = record.headers.iter();
                let members = members.map(|(name, value)| (name.clone(), value.as_str().into()));
                Value::Object(members.collect::<Map<_, _>>())
            };
            let keys: Vec<Option<&str>> = chunk.iter().map(|r| r.key.as_deref()).collect();
            let values: Vec<Option<&[u8]>> = chunk.iter().map(|r| r.value.as_deref()).collect();
            sqlx::query(AssertSqlSafe(insert.as_str()))
                .bind(keys)
                .bind(values)
                .bind(chunk.iter().map(headers).collect::<Vec<_>>())
                .execute(&self.pool)
                .await
                .expect("records are loaded");
        }
        table
    }

    /// Asserts that the enriched topic has each reading as it came, with its key, and with the time of
    /// processing.
    ///
    /// # Panics
    /// When it has not.
    pub async fn assert_enriched(&self, records: &[Record]) {
        let enriched = self.load_topic("enriched", records).await;
        let raw = self.table("raw");
        let expected = format!(
            "SELECT key, convert_from(value, 'UTF8')::jsonb, true FROM {raw} WHERE refusal IS NULL"
        );
        let found = format!(
            "SELECT key, object - 'processing_time',
                    (object->>'processing_time')::timestamptz IS NOT NULL
               FROM (SELECT key, convert_from(value, 'UTF8')::jsonb AS object FROM {enriched}) x"
        );
        self.assert_same("enriched readings", &expected, &found)
            .await;
    }

    /// Asserts that the dead letter topic has each record that is no reading, and each reading that `late`
    /// (a query of `incarnation`, `partition` and `off`) says was too late for a window that keeps those:
    /// once, whole, with its reason and where it came from.
    ///
    /// # Panics
    /// When it has not.
    pub async fn assert_dead_letters(&self, topic: &str, records: &[Record], late: Option<&str>) {
        let letters = self.load_topic("dead_letters", records).await;
        let raw = self.table("raw");
        let late = late.map(|late| {
            format!(
                "UNION ALL
                 SELECT '{topic}', partition, off, 'late', key, value
                   FROM {raw} JOIN (SELECT DISTINCT incarnation, partition, off FROM ({late}) l) l
                        USING (incarnation, partition, off)"
            )
        });
        let expected = format!(
            "SELECT '{topic}' AS topic, partition, off, refusal, key, value FROM {raw}
              WHERE refusal IS NOT NULL {}",
            late.unwrap_or_default()
        );
        let found = format!(
            "SELECT headers->>'sensorstream-source-topic',
                    (headers->>'sensorstream-source-partition')::integer,
                    (headers->>'sensorstream-source-offset')::bigint,
                    headers->>'sensorstream-reason', key, value FROM {letters}"
        );
        self.assert_same("dead letters", &expected, &found).await;
    }
}
