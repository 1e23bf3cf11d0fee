//! The tables of a pipeline, as the operator would make them.

use sensorstream_crds::{
    input::Input,
    runtime::ProcessConfig,
    window_table::{WindowTable, column_type},
};
use sqlx::{AssertSqlSafe, PgPool};

/// Makes the schema and every table.
pub(super) async fn make(config: &ProcessConfig, pool: &PgPool) {
    let schema = &config.schema;
    let mut statements = vec![format!("CREATE SCHEMA {schema}")];
    if let Some(table) = &config.outputs.table {
        statements.push(readings_table(schema, &table.name, &config.input));
    }
    for window in &config.windows {
        let table = WindowTable::of(window, &config.input.fields).unwrap();
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, column.type_))
            .collect();
        let key: Vec<&str> = table.key().collect();
        statements.push(format!(
            "CREATE TABLE {schema}.{} ({}, PRIMARY KEY ({}))",
            window.name,
            columns.join(", "),
            key.join(", ")
        ));
    }
    sqlx::raw_sql(AssertSqlSafe(statements.join(";")))
        .execute(pool)
        .await
        .unwrap();
}

fn readings_table(schema: &str, name: &str, input: &Input) -> String {
    let columns: Vec<String> = input
        .fields
        .iter()
        .map(|field| format!("{} {}", field.name, column_type(field.type_)))
        .collect();
    format!(
        "CREATE TABLE {schema}.{name} ({}, _partition integer, _offset bigint)",
        columns.join(", ")
    )
}
