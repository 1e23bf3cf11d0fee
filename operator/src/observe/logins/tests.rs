use std::collections::BTreeMap;

use sensorstream_crds::runtime::id_of;
use serde_json::json;

use super::*;
use crate::fixtures::{environment_with, secret};

/// The logins of the environment example with `kafka` in place of its own, and Secrets that
/// hold what serves for every login, but for `changes`.
fn logins(kafka: &serde_json::Value, changes: &[(&str, Option<&str>)]) -> Logins {
    let pipeline = environment_with(&json!({ "kafka": kafka }));
    let mut contents = secret();
    for (key, value) in changes {
        match value {
            Some(value) => contents
                .data
                .insert((*key).into(), value.as_bytes().to_vec()),
            None => contents.data.remove(*key),
        };
    }
    read(&id_of(&pipeline), &pipeline.spec, |_| Some(&contents))
}

fn tls_and_sasl() -> serde_json::Value {
    json!({
        "tls": { "secretRef": { "name": "tls" } },
        "sasl": { "mechanism": "PLAIN", "secretRef": { "name": "login" } },
    })
}

#[test]
fn hosts_without_a_dot_are_services_of_the_pipelines_namespace() {
    let logins = logins(&json!({}), &[]);
    let uri = logins.database.unwrap().0;
    assert_eq!(uri, "postgres://sensor:hidden@db.default.svc:5432/sensors");
    let endpoint = logins.kafka.unwrap().endpoint;
    assert_eq!(endpoint.bootstrap_servers, "kafka.default.svc:9092");
}

#[test]
fn credentials_are_read_from_their_keys() {
    let login = logins(&tls_and_sasl(), &[]).kafka.unwrap();
    assert_eq!(
        login.credentials.sasl,
        Some(("sensor".into(), "hidden".into()))
    );
    assert!(login.credentials.ca_pem.is_some() && login.credentials.client_pem.is_none());
}

#[test]
fn nothing_secret_shows_in_debug_output_or_problems() {
    let good = logins(&tls_and_sasl(), &[]);
    assert!(!format!("{good:?}").contains("hidden"));
    let bad = logins(&tls_and_sasl(), &[("uri", Some("hidden"))]);
    assert!(!bad.database.unwrap_err().to_string().contains("hidden"));
}

#[test]
fn what_is_missing_or_malformed_is_named() {
    let kafka = |changes: &[_]| logins(&tls_and_sasl(), changes).kafka.unwrap_err();
    assert_eq!(
        kafka(&[("password", None)]),
        SecretProblem::KeyMissing("login".into(), "password")
    );
    assert_eq!(
        kafka(&[("username", Some(""))]),
        SecretProblem::KeyMissing("login".into(), "username")
    );
    assert_eq!(
        kafka(&[("ca.crt", None)]),
        SecretProblem::KeyMissing("tls".into(), "ca.crt")
    );
    let certificate = ("tls.crt", Some("-----BEGIN CERTIFICATE-----"));
    assert_eq!(
        kafka(&[certificate]),
        SecretProblem::KeyMissing("tls".into(), "tls.key")
    );
    assert!(matches!(
        kafka(&[("ca.crt", Some("DER"))]),
        SecretProblem::Malformed(..)
    ));
    let database = |changes: &[_]| logins(&json!({}), changes).database.unwrap_err();
    assert!(
        matches!(database(&[("uri", None)]), SecretProblem::NamedKeyMissing(_, key) if key == "uri")
    );
    for uri in ["mysql://db/x", "not a uri", "postgres:"] {
        let problem = database(&[("uri", Some(uri))]);
        assert!(
            matches!(problem, SecretProblem::Malformed(..)),
            "{uri}: {problem:?}"
        );
    }
}

#[test]
fn the_lakes_secret_must_have_what_pods_ask_for() {
    let lake = |contents: Option<&Contents>| {
        let reference = json!({ "uri": "s3://lake", "secretRef": { "name": "s3" } });
        let pipeline = environment_with(&json!({ "outputs": { "lake": reference } }));
        read(&id_of(&pipeline), &pipeline.spec, |_| contents).lake
    };
    let mut contents = secret();
    assert_eq!(lake(Some(&contents)), Ok(()));
    assert_eq!(lake(None), Err(SecretProblem::Missing("s3".into())));
    contents.data.insert("AWS_REGION".into(), vec![0xff]);
    let unreadable = lake(Some(&contents));
    assert!(matches!(unreadable, Err(SecretProblem::Malformed(_, key, _)) if key == "AWS_REGION"));
    let secret_key = "AWS_SECRET_ACCESS_KEY";
    contents.data.remove(secret_key);
    assert_eq!(
        lake(Some(&contents)),
        Err(SecretProblem::KeyMissing("s3".into(), secret_key))
    );
    assert_eq!(logins(&json!({}), &[]).lake, Ok(()));
}

#[test]
fn a_secret_that_is_not_there_is_named() {
    let pipeline = environment_with(&json!({}));
    let logins = read(&id_of(&pipeline), &pipeline.spec, |_| None);
    let problem = logins.database.unwrap_err();
    assert_eq!(problem, SecretProblem::Missing("sensorstream-db".into()));
    assert_eq!(problem.reason().as_str(), "SecretNotFound");
    assert_eq!(logins.versions, BTreeMap::new());
}
