//! How spans travel to a collector: HTTP or HTTPS, with the connections of the process's own runtime.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::{HttpClient, HttpError, hyper::HyperClient};
use tokio::runtime::Handle;

/// How long a collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("the machine's certificate authorities can't be used")]
pub struct ClientError(#[from] rustls::Error);

/// A client. The exporter has a thread of its own, outside of any runtime; requests are made on the one that
/// the client was made in.
#[derive(Debug)]
pub(super) struct Client {
    client: HyperClient<HttpsConnector<HttpConnector>>,
    runtime: Handle,
}

impl Client {
    /// A client that makes its requests on the current runtime.
    pub(super) fn new() -> Result<Self, ClientError> {
        // The first of a process may be this one; two providers would panic, one twice does not.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let connector = HttpsConnectorBuilder::new()
            .try_with_platform_verifier()?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: HyperClient::new(connector, PATIENCE, None),
            runtime: Handle::current(),
        })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self
            .runtime
            .spawn(async move { client.send_bytes(request).await });
        sent.await?
    }
}
