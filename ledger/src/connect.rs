//! Connecting: the URI of the Secret with its host resolved from any namespace, and pools with
//! bounded size.

use std::{str::FromStr, time::Duration};

use sensorstream_crds::runtime::qualified_host;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Why a database URI can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The text is no `postgres://` URI. The text itself is kept out: it holds a password.
    #[error("the database URI is not of the form postgres://user:password@host:port/database")]
    BadUri,
}

/// The options for a URI, with a host that has no dot taken as a Service of `namespace`.
pub fn options(
    uri: &str,
    namespace: &str,
    application: &str,
) -> Result<PgConnectOptions, ConnectError> {
    let parsed = url::Url::parse(uri).map_err(|_| ConnectError::BadUri)?;
    if !matches!(parsed.scheme(), "postgres" | "postgresql") {
        return Err(ConnectError::BadUri);
    }
    let host = parsed.host_str().ok_or(ConnectError::BadUri)?;
    let options = PgConnectOptions::from_str(uri).map_err(|_| ConnectError::BadUri)?;
    Ok(options
        .host(&qualified_host(host, namespace))
        .application_name(application))
}

/// A pool that connects when first used and closes connections that idle.
pub fn pool(options: PgConnectOptions, max_connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .min_connections(0)
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_mins(1))
        .connect_lazy_with(options)
}
