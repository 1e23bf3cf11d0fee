//! What schemas and tables there are, of all the tables asked for, in one query.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sqlx::{PgPool, Row, types::Json};

use crate::backends::{Table, TableName};

/// What a database has of the tables asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    /// The schemas that exist.
    pub(super) schemas: BTreeSet<String>,
    /// The tables that exist.
    pub(super) tables: BTreeMap<TableName, Table>,
}

pub(super) async fn read(
    pool: &PgPool,
    wanted: &HashSet<TableName>,
) -> Result<Catalog, sqlx::Error> {
    let (schemas, tables): (Vec<String>, Vec<String>) = wanted
        .iter()
        .map(|name| (name.schema.clone(), name.table.clone()))
        .unzip();
    let rows = sqlx::query(
        "SELECT w.schema, w.name, n.oid IS NOT NULL AS schema_exists,
                CASE WHEN c.oid IS NULL THEN NULL ELSE jsonb_build_object(
                  'is_table', c.relkind IN ('r', 'p'),
                  'columns', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'name', a.attname,
                        'type', format_type(a.atttypid, a.atttypmod),
                        'not_null', a.attnotnull,
                        'has_default', a.atthasdef OR a.attidentity <> '') ORDER BY a.attnum), '[]')
                     FROM pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
                  'indexes', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'unique', i.indisunique AND i.indimmediate,
                        'columns', (
                          SELECT jsonb_agg(coalesce(a.attname, '') ORDER BY k.place)
                            FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
                            LEFT JOIN pg_attribute a
                              ON a.attrelid = c.oid AND a.attnum = k.number AND k.number > 0
                           WHERE k.place <= i.indnkeyatts))), '[]')
                     FROM pg_index i
                     JOIN pg_class ic ON ic.oid = i.indexrelid
                     JOIN pg_am am ON am.oid = ic.relam AND am.amname = 'btree'
                    WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL)
                ) END AS found
           FROM unnest($1::text[], $2::text[]) AS w(schema, name)
           LEFT JOIN pg_namespace n ON n.nspname = w.schema
           LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name",
    )
    .bind(schemas)
    .bind(tables)
    .fetch_all(pool)
    .await?;
    let mut catalog = Catalog::default();
    for row in rows {
        let name = TableName {
            schema: row.try_get("schema")?,
            table: row.try_get("name")?,
        };
        if row.try_get("schema_exists")? {
            catalog.schemas.insert(name.schema.clone());
        }
        if let Some(Json(table)) = row.try_get::<Option<Json<Table>>, _>("found")? {
            catalog.tables.insert(name, table);
        }
    }
    Ok(catalog)
}
