//! The TLS side: serves reviews with the certificate that stands in the Secret, and swaps it
//! without dropping a connection when the Secret changes.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::header::CONNECTION,
    response::IntoResponse,
    routing::post,
};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use jiff::Timestamp;
use k8s_openapi::api::{
    admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::Secret,
};
use prometheus::IntGauge;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Ready, certificate::Material, follow::Seen, inspection::ends, review, rotation::Published,
};
use crate::telemetry;

/// Where the API server posts reviews.
const PATH: &str = "/validate";
/// A review holds the object twice, each of them up to the API server's limit.
const GREATEST_BODY: usize = 8 << 20;
/// How long to go on after a shutdown: the API server hears late that this replica is going.
const LINGER: Duration = Duration::from_secs(3);
/// How long answers under way may take after that.
const DRAIN: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("reading the certificate")]
    Certificate(#[source] rustls::pki_types::pem::Error),
    #[error("reading the private key")]
    Key(#[source] rustls::pki_types::pem::Error),
    #[error("building a server of the certificate and its key")]
    Pair(#[source] rustls::Error),
}

/// Serves until a while after `shutdown`.
pub(super) async fn serve(
    listen: SocketAddr,
    ready: Ready,
    expiry: IntGauge,
    mut secret: watch::Receiver<Seen<Secret>>,
    configuration: watch::Receiver<Seen<ValidatingWebhookConfiguration>>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let first = tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        first = first_certificate(&mut secret) => first,
    };
    let tls = RustlsConfig::from_config(Arc::new(first));
    let handle = Handle::new();
    let reviews = Router::new()
        .route(PATH, post(admit))
        .layer(DefaultBodyLimit::max(GREATEST_BODY))
        .with_state(shutdown.clone())
        .into_make_service();
    let server = axum_server::from_tcp_rustls(listener, tls.clone())?.handle(handle.clone());
    let mut server = pin!(server.serve(reviews));
    let lingered = async {
        shutdown.cancelled().await;
        sleep(LINGER).await;
    };
    tokio::select! {
        outcome = &mut server => return outcome,
        never = keep_current(&tls, &ready, &expiry, secret, configuration) => match never {},
        () = lingered => {}
    }
    handle.graceful_shutdown(Some(DRAIN));
    server.await
}

async fn admit(State(shutdown): State<CancellationToken>, body: Bytes) -> impl IntoResponse {
    let review = review::answer(&body);
    if let Some(response) = review
        .response
        .as_ref()
        .filter(|response| !response.allowed)
    {
        let details = response.result.details.as_ref();
        let pipeline = details.map_or("", |details| &details.name);
        tracing::info!(pipeline, why = response.result.message, "refused");
    }
    // The API server keeps its connections. One that is closed just when it sends the next review
    // fails that review, so from a shutdown on it is told to leave each after its answer.
    let leave = shutdown.is_cancelled().then_some([(CONNECTION, "close")]);
    (leave, Json(review))
}

async fn first_certificate(secret: &mut watch::Receiver<Seen<Secret>>) -> ServerConfig {
    loop {
        let seen = secret.borrow_and_update().clone();
        if let Some(config) = seen.present().as_deref().and_then(usable) {
            return config;
        }
        if secret.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Serves with what the Secret holds from now on, and says when the API server trusts it.
async fn keep_current(
    tls: &RustlsConfig,
    ready: &Ready,
    expiry: &IntGauge,
    mut secret: watch::Receiver<Seen<Secret>>,
    mut configuration: watch::Receiver<Seen<ValidatingWebhookConfiguration>>,
) -> Infallible {
    let mut served: Option<Material> = None;
    loop {
        let seen = secret.borrow_and_update().clone().present();
        if let Some(secret) = seen
            && let Some(material) = Material::of(&secret)
            && served.as_ref() != Some(&material)
            && let Some(config) = usable(&secret)
        {
            tls.reload_from_config(Arc::new(config));
            expiry.set(ends(&material).map_or(0, Timestamp::as_second));
            served = Some(material);
        }
        let current = configuration.borrow_and_update().clone().present();
        if let Some(material) = &served
            && Published::of(current.as_deref(), &material.authorities) == Published::Current
        {
            ready.reached();
        }
        tokio::select! {
            Ok(()) = secret.changed() => {}
            Ok(()) = configuration.changed() => {}
            else => std::future::pending().await,
        }
    }
}

/// How to serve with a Secret; `None`, and a word in the log, if that can't be done: the leader
/// will put it right.
fn usable(secret: &Secret) -> Option<ServerConfig> {
    let config = tls(&Material::of(secret)?);
    if let Err(error) = &config {
        tracing::warn!(
            error = telemetry::chain(error),
            "the webhook's secret can't be used"
        );
    }
    config.ok()
}

/// How to serve with a certificate.
pub(super) fn tls(material: &Material) -> Result<ServerConfig, TlsError> {
    let chain = CertificateDer::pem_slice_iter(material.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(TlsError::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(material.key.as_bytes()).map_err(TlsError::Key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(TlsError::Pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
