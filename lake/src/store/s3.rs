//! A bucket of Amazon S3, or of whatever speaks its protocol.

use std::time::Duration;

use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
};

use super::{Settings, StoreError};

const CONNECT: Duration = Duration::from_secs(5);
/// For a whole file over a slow line.
const WRITE: Duration = Duration::from_mins(2);
/// Whoever calls tries again, and says so; here only what passes at once is retried.
const RETRIES: usize = 2;
const RETRY_FOR: Duration = Duration::from_secs(5);

pub(super) fn bucket(name: &str, settings: &Settings) -> Result<AmazonS3, StoreError> {
    // Only with one provider of cryptography compiled in would the HTTP client choose by itself.
    // Whoever installed another keeps it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = ClientOptions::new()
        .with_connect_timeout(CONNECT)
        .with_timeout(WRITE);
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: RETRY_FOR,
    };
    let builder = AmazonS3Builder::new().with_client_options(options);
    settings
        .iter()
        .fold(builder, |builder, (key, value)| {
            builder.with_config(key, value)
        })
        .with_allow_http(settings.endpoint().starts_with("http://"))
        .with_retry(retry)
        .with_bucket_name(name)
        .build()
        .map_err(|error| StoreError::Settings(Box::new(error)))
}
