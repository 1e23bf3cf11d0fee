//! From a pipeline's settings to librdkafka's.

use std::path::Path;

use rdkafka::ClientConfig;
use sensorstream_crds::runtime::{
    KAFKA_PASSWORD_ENV, KAFKA_TLS_DIR, KAFKA_USERNAME_ENV, KafkaEndpoint,
};

/// The secret part of a connection.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// SASL user name and password.
    pub sasl: Option<(String, String)>,
    /// Authorities to trust, as PEM.
    pub ca_pem: Option<String>,
    /// Client certificate and key, as PEM.
    pub client_pem: Option<(String, String)>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Credentials {
    /// The credentials that the operator gave a pod: environment variables and mounted files.
    pub fn of_pod(endpoint: &KafkaEndpoint) -> Self {
        let env = |name: &str| std::env::var(name).ok();
        let file = |name: &str| std::fs::read_to_string(Path::new(KAFKA_TLS_DIR).join(name)).ok();
        Self {
            sasl: endpoint
                .sasl_mechanism
                .and_then(|_| env(KAFKA_USERNAME_ENV).zip(env(KAFKA_PASSWORD_ENV))),
            ca_pem: file("ca.crt"),
            client_pem: file("tls.crt").zip(file("tls.key")),
        }
    }
}

/// The settings that every client of an endpoint shares.
pub fn client_config(endpoint: &KafkaEndpoint, credentials: &Credentials) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &endpoint.bootstrap_servers)
        .set("client.id", "sensorstream")
        // Come back quickly when a broker does: the default backs off to ten seconds.
        .set("reconnect.backoff.ms", "100")
        .set("reconnect.backoff.max.ms", "2000")
        .set("socket.keepalive.enable", "true")
        .set("log.connection.close", "false");
    let protocol = match (endpoint.tls, endpoint.sasl_mechanism.is_some()) {
        (false, false) => "plaintext",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if endpoint.tls {
        match &credentials.ca_pem {
            Some(pem) => config.set("ssl.ca.pem", pem),
            // The probe of librdkafka finds the system's bundle wherever it is.
            None => config.set("ssl.ca.location", "probe"),
        };
        if let Some((certificate, key)) = &credentials.client_pem {
            config
                .set("ssl.certificate.pem", certificate)
                .set("ssl.key.pem", key);
        }
    }
    if let (Some(mechanism), Some((user, password))) = (endpoint.sasl_mechanism, &credentials.sasl)
    {
        config
            .set("sasl.mechanism", mechanism.as_str())
            .set("sasl.username", user)
            .set("sasl.password", password);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use sensorstream_crds::connections::SaslMechanism;

    fn endpoint(tls: bool, sasl: Option<SaslMechanism>) -> KafkaEndpoint {
        KafkaEndpoint {
            bootstrap_servers: "kafka.default.svc:9092".into(),
            tls,
            tls_secret: None,
            sasl_mechanism: sasl,
        }
    }

    #[test]
    fn the_protocol_follows_tls_and_sasl() {
        let protocol = |tls, sasl| {
            let config = client_config(&endpoint(tls, sasl), &Credentials::default());
            config.get("security.protocol").map(str::to_owned)
        };
        assert_eq!(protocol(false, None).as_deref(), Some("plaintext"));
        assert_eq!(protocol(true, None).as_deref(), Some("ssl"));
        assert_eq!(
            protocol(true, Some(SaslMechanism::Plain)).as_deref(),
            Some("sasl_ssl")
        );
    }

    #[test]
    fn credentials_do_not_show_in_debug_output() {
        let credentials = Credentials {
            sasl: Some(("me".into(), "hidden".into())),
            ..Default::default()
        };
        assert!(!format!("{credentials:?}").contains("hidden"));
    }
}
