//! What is in a lake: Parquet files in a bucket or a folder.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{
    ObjectStore, ObjectStoreExt, aws::AmazonS3Builder, local::LocalFileSystem,
    path::Path as ObjectPath,
};
use parquet::{
    file::{reader::FileReader, serialized_reader::SerializedFileReader},
    record::{Field as Cell, Row as Line},
};
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;

use crate::{Field, Oracle, Type};

/// How long files may take to be written once all readings are processed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A place with Parquet files.
#[derive(Debug)]
pub struct Lake {
    objects: Box<dyn ObjectStore>,
    prefix: ObjectPath,
}

/// Where an S3 server is, and how to log in.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// Its URL.
    pub endpoint: &'a str,
    /// The key.
    pub key: &'a str,
    /// Its secret.
    pub secret: &'a str,
}

impl Lake {
    /// A folder of this machine.
    ///
    /// # Panics
    /// When there is none.
    pub fn folder(folder: &Path) -> Self {
        let objects = LocalFileSystem::new_with_prefix(folder).expect("a folder");
        Self {
            objects: Box::new(objects),
            prefix: ObjectPath::default(),
        }
    }

    /// The part of a bucket whose names begin with `prefix`.
    ///
    /// # Panics
    /// When the settings make no sense.
    pub fn bucket(login: Login<'_>, bucket: &str, prefix: &str) -> Self {
        // Only with one provider of cryptography compiled in would the HTTP client choose by itself.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let objects = AmazonS3Builder::new()
            .with_endpoint(login.endpoint)
            .with_allow_http(true)
            .with_access_key_id(login.key)
            .with_secret_access_key(login.secret)
            .with_bucket_name(bucket)
            .build()
            .expect("a client");
        Self {
            objects: Box::new(objects),
            prefix: ObjectPath::from(prefix),
        }
    }

    /// The names of all objects, below the prefix.
    ///
    /// # Panics
    /// When they can't be listed.
    pub async fn names(&self) -> BTreeSet<String> {
        let all: Vec<_> = self
            .objects
            .list(Some(&self.prefix))
            .try_collect()
            .await
            .expect("objects are listed");
        all.iter()
            .map(|object| self.below_prefix(&object.location))
            .collect()
    }

    fn below_prefix(&self, path: &ObjectPath) -> String {
        let parts = path
            .prefix_match(&self.prefix)
            .expect("what is listed begins with the prefix");
        let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
        parts.join("/")
    }

    fn path(&self, name: &str) -> ObjectPath {
        let parts = name.split('/');
        parts.fold(self.prefix.clone(), ObjectPath::join)
    }

    async fn bytes(&self, name: &str) -> Bytes {
        let found = self.objects.get(&self.path(name)).await;
        let found = found.unwrap_or_else(|error| panic!("reading {name}: {error}"));
        found.bytes().await.expect("an object has bytes")
    }

    /// Removes every object.
    ///
    /// # Panics
    /// When one can't be removed.
    pub async fn remove(&self) {
        for name in self.names().await {
            let removed = self.objects.delete(&self.path(&name)).await;
            removed.unwrap_or_else(|error| panic!("removing {name}: {error}"));
        }
    }
}

/// The rows of a Parquet file, as JSON.
fn lines(name: &str, bytes: Bytes) -> Vec<Value> {
    let reader = SerializedFileReader::new(bytes)
        .unwrap_or_else(|error| panic!("{name} is no Parquet: {error}"));
    let rows = reader.get_row_iter(None).expect("rows");
    rows.map(|row| object(&row.expect("a row"))).collect()
}

/// A row as JSON: times in microseconds since 1970.
fn object(line: &Line) -> Value {
    let members = line.get_column_iter().map(|(name, cell)| {
        let value = match cell {
            Cell::Null => Value::Null,
            Cell::Bool(value) => (*value).into(),
            Cell::Int(value) => (*value).into(),
            Cell::Long(value) | Cell::TimestampMicros(value) => (*value).into(),
            Cell::Double(value) => (*value).into(),
            Cell::Str(value) => value.as_str().into(),
            other => panic!("a column {name} of a type that no field has: {other}"),
        };
        (name.clone(), value)
    });
    Value::Object(members.collect::<Map<_, _>>())
}

impl Oracle {
    /// Asserts that a lake comes to hold each reading once, with all its fields, in the folder of its hour,
    /// and nothing else.
    ///
    /// # Panics
    /// When it does not within a minute.
    pub async fn assert_lake(&self, lake: &Lake) {
        let table = self.table("lake");
        self.run(&format!(
            "DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (folder text, line jsonb)"
        ))
        .await;
        let (readings, mut there) = (self.count().await, 0);
        let mut loaded = BTreeSet::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            // A file never changes.
            for name in lake.names().await.difference(&loaded.clone()) {
                there += self.load_file(lake, name, &table).await;
                loaded.insert(name.clone());
            }
            if there >= readings || Instant::now() > deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let fields = self.input().fields;
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let expected = format!(
            "SELECT to_char(at AT TIME ZONE 'UTC', '\"date=\"YYYY-MM-DD\"/hour=\"HH24'),
                    partition, off, {} FROM {}",
            names.join(", "),
            self.readings()
        );
        let columns: Vec<String> = fields.iter().map(column).collect();
        let found = format!(
            "SELECT folder, (line->>'_partition')::integer, (line->>'_offset')::bigint, {} FROM {table}",
            columns.join(", ")
        );
        self.assert_same("the lake", &expected, &found).await;
    }

    /// Loads a file; answers how many rows it has.
    async fn load_file(&self, lake: &Lake, name: &str, table: &str) -> i64 {
        assert!(name.ends_with(".parquet"), "{name} is in the lake");
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let lines = lines(name, lake.bytes(name).await);
        let rows = i64::try_from(lines.len()).expect("few");
        let insert = format!("INSERT INTO {table} SELECT $1, unnest($2::jsonb[])");
        sqlx::query(AssertSqlSafe(insert))
            .bind(folder)
            .bind(lines)
            .execute(&self.pool)
            .await
            .expect("rows are loaded");
        rows
    }
}

/// A field of a line in the lake.
fn column(field: &Field) -> String {
    match field.type_ {
        Type::Time => format!(
            "timestamptz 'epoch' + (line->>'{}')::bigint * interval '1 microsecond'",
            field.name
        ),
        Type::Text(_) | Type::Number(..) => field.column("line"),
    }
}
