use serde_json::{Value, json};

use super::*;
use crate::{
    fixtures::{environment_with, secret},
    observe::logins::{self, Logins, secret_names},
};
use sensorstream_crds::runtime::id_of;

const OF_PIPELINE: &str = "postgres://sensor:hidden@db:5432/sensors";

/// The logins of the example with this API, where the pipeline's URI and what other Secrets hold are these.
fn logins(api: &Value, of_pipeline: &str, others: &[(&str, &str)]) -> Logins {
    let pipeline = environment_with(&json!({ "api": api }));
    let contents = |value: &str| Contents {
        data: [("uri".to_owned(), value.as_bytes().to_vec())].into(),
        ..secret()
    };
    let all = others
        .iter()
        .map(|(name, value)| ((*name).to_owned(), contents(value)))
        .chain([("sensorstream-db".to_owned(), contents(of_pipeline))]);
    let all: std::collections::BTreeMap<String, Contents> = all.collect();
    logins::read(&id_of(&pipeline), &pipeline.spec, |name| all.get(name))
}

fn own(uri: &str) -> Result<Option<Reader>, SecretProblem> {
    let api = json!({ "postgres": { "secretKeyRef": { "name": "reader", "key": "uri" } } });
    logins(&api, OF_PIPELINE, &[("reader", uri)]).reader
}

fn why(result: Result<Option<Reader>, SecretProblem>) -> String {
    result.unwrap_err().to_string()
}

fn held(of_pipeline: &str, uri: &str) -> Option<String> {
    let others = [("environment-api-db", uri)];
    match logins(&json!({}), of_pipeline, &others).reader.unwrap() {
        Some(Reader::Managed { held, .. }) => held,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_of_roles_fit_and_differ() {
    let name = |namespace: &str, name: &str, database: &str| {
        role_name(&PipelineId::new(namespace, name), database)
    };
    let usual = name("default", "environment", "sensors");
    assert!(usual.starts_with("sensorstream_api_default_environment_"));
    let long = "n".repeat(63);
    let names = [
        usual,
        name("default", "environment", "others"),
        name("default-environment", "x", "sensors"),
        name("default", "environment-x", "sensors"),
        name(&long, "one", "sensors"),
        name(&long, "two", "sensors"),
    ];
    for (at, one) in names.iter().enumerate() {
        assert!(one.len() <= LONGEST_ROLE, "{one}");
        assert!(!names[..at].contains(one), "{one}");
    }
}

#[test]
fn a_uri_of_the_operators_is_the_pipelines_with_another_login() {
    let uri = |of_pipeline: &str| {
        let of_pipeline = DatabaseUri(of_pipeline.to_owned());
        managed_uri(&of_pipeline, "role", "pass").unwrap()
    };
    assert_eq!(
        uri("postgres://sensor:hidden@db.x:5433/sensors?sslmode=require&options=-c%20x%3D1"),
        "postgres://role:pass@db.x:5433/sensors?sslmode=require&options=-c+x%3D1"
    );
    // Without a port and a database these are the usual ones, and the user's.
    assert_eq!(
        uri("postgres://sensor:hidden@db.x"),
        "postgres://role:pass@db.x:5432/sensor"
    );
    // What the query says of a login goes before its front, so it must not stay.
    assert_eq!(
        uri("postgres://db.x/a?user=sensor&password=hidden&dbname=b&port=7"),
        "postgres://role:pass@db.x:7/b"
    );
}

#[test]
fn a_secret_of_the_operators_counts_only_if_all_of_it_is_right() {
    let qualified = DatabaseUri("postgres://sensor:hidden@db.default.svc:5432/sensors".into());
    let Some(Reader::Managed { role, held: None }) =
        logins(&json!({}), OF_PIPELINE, &[]).reader.unwrap()
    else {
        panic!("no Secret is there");
    };
    let right = managed_uri(&qualified, &role, "pass").unwrap();
    assert_eq!(held(OF_PIPELINE, &right), Some(password::digest("pass")));
    for wrong in [
        right.replace("/sensors", "/others"),
        right.replace("db.default", "db.other"),
        right.replace("5432", "5433"),
        right.replace("sensorstream_api", "another"),
        right.clone() + "?sslmode=disable",
        "nonsense".to_owned(),
    ] {
        assert_eq!(held(OF_PIPELINE, &wrong), None, "{wrong}");
    }
    // A moved database, or other parameters, ask for another Secret.
    assert_eq!(held("postgres://sensor:hidden@db2/sensors", &right), None);
    assert_eq!(
        held(&format!("{OF_PIPELINE}?sslmode=require"), &right),
        None
    );
    // The pipeline's own password is its own business.
    let rotated = OF_PIPELINE.replace("hidden", "new");
    assert!(held(&rotated, &right).is_some());
}

#[test]
fn a_login_of_ones_own_is_of_the_pipelines_database_and_another_user() {
    let given = Ok(Some(Reader::Given("grafana".into())));
    for good in [
        "postgres://grafana:x@db/sensors",
        "postgres://grafana:x@db.default.svc:5432/sensors?sslmode=disable",
    ] {
        assert_eq!(own(good), given, "{good}");
    }
    for elsewhere in [
        "postgres://grafana:x@db2/sensors",
        "postgres://grafana:x@db:5433/sensors",
        "postgres://grafana:x@db/others",
    ] {
        let why = why(own(elsewhere));
        assert!(why.contains("another host"), "{elsewhere}: {why}");
    }
    let same = why(own("postgres://sensor:x@db/sensors"));
    assert!(same.contains("pipeline's own"), "{same}");
    assert!(why(own("nonsense")).contains("postgres://user:password"));
    let api = json!({ "postgres": { "secretKeyRef": { "name": "reader", "key": "uri" } } });
    assert_eq!(
        logins(&api, OF_PIPELINE, &[]).reader,
        Err(SecretProblem::Missing("reader".into()))
    );
}

#[test]
fn tokens_are_long_and_printable() {
    let auth = json!({ "auth": { "bearerToken": { "secretKeyRef": { "name": "tokens", "key": "uri" } } } });
    let tokens = |text: &str| logins(&auth, OF_PIPELINE, &[("tokens", text)]).tokens;
    for good in [
        "0123456789abcdef",
        "0123456789abcdef\nfedcba9876543210\n",
        "0123456789abcdef\r\n\r\nfedcba9876543210",
    ] {
        assert_eq!(tokens(good), Ok(()), "{good:?}");
    }
    for bad in [
        "0123456789abcde",
        "0123456789abcdef\nshort",
        "0123456789 abcdef",
        "0123456789äbcdefg",
        "\n\n",
    ] {
        let problem = tokens(bad).unwrap_err();
        assert!(matches!(problem, SecretProblem::Malformed(..)), "{bad:?}");
        assert!(!problem.to_string().contains("0123456789"), "{problem}");
    }
    assert!(matches!(
        tokens(""),
        Err(SecretProblem::NamedKeyMissing(..))
    ));
    assert_eq!(
        logins(&auth, OF_PIPELINE, &[]).tokens,
        Err(SecretProblem::Missing("tokens".into()))
    );
    assert_eq!(logins(&json!({}), OF_PIPELINE, &[]).tokens, Ok(()));
}

#[test]
fn the_apis_secrets_are_looked_at_only_where_there_is_an_api() {
    let names = |api: Value| {
        let pipeline = environment_with(&json!({ "api": api }));
        let names = secret_names("environment", &pipeline.spec);
        names.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(names(Value::Null), ["sensorstream-db"]);
    assert_eq!(names(json!({})), ["environment-api-db", "sensorstream-db"]);
    let all = json!({
        "postgres": { "secretKeyRef": { "name": "reader", "key": "uri" } },
        "auth": { "bearerToken": { "secretKeyRef": { "name": "tokens", "key": "all" } } },
    });
    assert_eq!(names(all), ["reader", "sensorstream-db", "tokens"]);
}
