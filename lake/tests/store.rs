//! Writing to a real S3 server, and to a folder.

use bytes::Bytes;
use sensorstream_lake::{LakeUri, Put, Settings, Store, StoreError};
use sensorstream_oracle::minio::{KEY, Minio, SECRET, free_address, variables};
use tempfile::TempDir;

const NAME: &str = "date=2025-08-17/hour=12/part-00000-topic-1-2.parquet";

fn settings(endpoint: &str, key: &str, secret: &str) -> Settings {
    Settings::of(variables(endpoint, key, secret))
}

fn open(uri: &str, settings: &Settings) -> Store {
    let uri: LakeUri = uri.parse().unwrap();
    Store::open(&uri, settings).unwrap()
}

async fn put(store: &Store, bytes: &'static str) -> Result<Put, StoreError> {
    store.put_once(NAME, Bytes::from(bytes)).await
}

/// Writes an object twice, and then something else under its name.
async fn written_once(store: &Store) {
    assert_eq!(put(store, "readings").await.unwrap(), Put::Written);
    assert_eq!(put(store, "readings").await.unwrap(), Put::AlreadyThere);
    assert_eq!(put(store, "others").await.unwrap(), Put::AlreadyThere);
}

#[tokio::test]
async fn a_bucket_keeps_what_was_written_first() {
    let minio = Minio::start(&["lake"]);
    let settings = settings(&minio.endpoint(), KEY, SECRET);
    let store = open("s3://lake/curated", &settings);
    written_once(&store).await;
    let path = format!("curated/{NAME}");
    assert_eq!(minio.object("lake", &path).await, "readings");
    let store = open("s3://lake", &settings);
    written_once(&store).await;
    assert_eq!(minio.object("lake", NAME).await, "readings");
}

#[tokio::test]
async fn of_many_writers_at_once_one_writes() {
    let minio = Minio::start(&["lake"]);
    let store = open("s3://lake", &settings(&minio.endpoint(), KEY, SECRET));
    let writers = (0..8).map(|_| async {
        loop {
            match put(&store, "readings").await {
                Err(StoreError::Busy { .. }) => {}
                settled => break settled.unwrap(),
            }
        }
    });
    let settled = futures::future::join_all(writers).await;
    let written = settled.iter().filter(|put| **put == Put::Written).count();
    assert_eq!(written, 1, "{settled:?}");
    assert_eq!(minio.object("lake", NAME).await, "readings");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let minio = Minio::start(&["lake"]);
    let refused = async |uri: &str, settings: &Settings| {
        let store = open(uri, settings);
        put(&store, "readings").await.unwrap_err().to_string()
    };
    let endpoint = minio.endpoint();
    assert_eq!(
        refused("s3://nowhere", &settings(&minio.endpoint(), KEY, SECRET)).await,
        format!("there is no bucket nowhere at {endpoint}; make it, or correct the lake's uri")
    );
    for (key, secret, code) in [
        ("nobody", SECRET, "InvalidAccessKeyId"),
        (KEY, "something-else", "SignatureDoesNotMatch"),
    ] {
        assert_eq!(
            refused("s3://lake", &settings(&endpoint, key, secret)).await,
            format!(
                "{endpoint} does not accept the lake's credentials ({code}); \
                 correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        );
    }
    let nowhere = format!("http://{}", free_address());
    assert_eq!(
        refused("s3://lake", &settings(&nowhere, KEY, SECRET)).await,
        format!("{nowhere} can't be reached; is it up, and AWS_ENDPOINT_URL right?")
    );
    let half = [("AWS_ACCESS_KEY_ID".to_owned(), KEY.to_owned())];
    let uri = "s3://lake".parse().unwrap();
    let error = Store::open(&uri, &Settings::of(half)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the lake's settings can't be used; correct the keys of its Secret"
    );
}

#[test]
fn amazons_own_store_is_reached_encrypted() {
    let keys = [
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
    ];
    let keys = keys.map(|(name, value)| (name.to_owned(), value.to_owned()));
    // The client for it is made here, with what it needs for TLS.
    open("s3://lake/curated", &Settings::of(keys));
}

#[tokio::test]
async fn a_folder_keeps_what_was_written_first() {
    let folder = TempDir::new().unwrap();
    let uri = format!("file://{}", folder.path().display());
    let store = open(&uri, &Settings::default());
    written_once(&store).await;
    let found = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
    assert_eq!(found, "readings");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let uri = "file:///nowhere/lake".parse().unwrap();
    let error = Store::open(&uri, &Settings::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the lake's folder /nowhere/lake can't be used")
    );
}
