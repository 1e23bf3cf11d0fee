//! Who may read what a pipeline writes.

use std::str::FromStr;

use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use sensorstream_e2e::{
    cluster::variable,
    pipeline::{environment, is_current, schema},
    scope::Scope,
    wait::{secs, until},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgConnectOptions};

const SECRET: &str = "env-api-db";

/// The URI that the API of `env` logs in with.
async fn uri(scope: &Scope) -> Result<url::Url, String> {
    let secret = scope.api::<Secret>().get_opt(SECRET).await;
    let secret = secret.map_err(|error| error.to_string())?;
    let data = secret.and_then(|secret| secret.data).ok_or("no Secret")?;
    let uri = String::from_utf8(data["uri"].0.clone()).map_err(|error| error.to_string())?;
    url::Url::parse(&uri).map_err(|error| error.to_string())
}

/// Logs in as the API does, from the host.
fn login(uri: &url::Url) -> PgPool {
    let options = PgConnectOptions::from_str(&variable("DATABASE_URL")).unwrap();
    let options = options
        .username(uri.username())
        .password(uri.password().unwrap())
        .database(uri.path().trim_start_matches('/'));
    PgPool::connect_lazy_with(options)
}

async fn run(pool: &PgPool, sql: &str) -> Result<(), String> {
    let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    let answer = query.execute(pool).await;
    answer.map(drop).map_err(|error| error.to_string())
}

async fn roles_of(scope: &Scope) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM pg_roles WHERE rolname LIKE $1")
        .bind(format!("sensorstream_api_{}_env_%", scope.namespace))
        .fetch_one(&scope.cluster.postgres)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_logs_in_as_a_role_that_only_reads() {
    let scope = Scope::new("access").await;
    scope
        .apply(&environment(&scope, "env", |spec| spec["api"] = json!({})))
        .await;
    scope
        .apply(&environment(&scope, "other", |spec| {
            spec["outputs"]["table"]["name"] = json!("of_others");
        }))
        .await;
    scope.until_flowing("env").await;
    scope.until_flowing("other").await;
    let uri_before = uri(&scope).await.unwrap();
    let reader = login(&uri_before);
    let schema = schema(&scope.namespace);

    run(&reader, &format!("SELECT * FROM \"{schema}\".env LIMIT 1"))
        .await
        .unwrap();
    let seen: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT pipeline FROM sensorstream.reader_shards")
            .fetch_all(&reader)
            .await
            .unwrap();
    assert_eq!(seen, [scope.id("env").to_string()]);
    let (status,): (sqlx::types::Json<Value>,) =
        sqlx::query_as("SELECT status FROM sensorstream.reader_statuses")
            .fetch_one(&reader)
            .await
            .unwrap();
    let conditions = status.0["conditions"].as_array().unwrap();
    assert!(conditions.iter().any(|c| c["type"] == "ApiReady"));
    for refused in [
        format!("SELECT FROM \"{schema}\".of_others"),
        "SELECT FROM sensorstream.shards".to_owned(),
        "SELECT FROM sensorstream.readers".to_owned(),
        format!("SET TRANSACTION READ WRITE; INSERT INTO \"{schema}\".env DEFAULT VALUES"),
        format!("SET TRANSACTION READ WRITE; CREATE TABLE \"{schema}\".mine (x int)"),
        "SET TRANSACTION READ WRITE; CREATE TABLE sensorstream.mine (x int)".to_owned(),
        "SET TRANSACTION READ WRITE; CREATE TABLE public.mine (x int)".to_owned(),
    ] {
        let answer = run(&reader, &refused).await.unwrap_err();
        assert!(answer.contains("permission denied"), "{refused}: {answer}");
    }
    let answer = run(&reader, "CREATE TEMP TABLE mine (x int)").await;
    assert!(answer.unwrap_err().contains("read-only"));

    // Whoever deletes the Secret gets a new password, which the pods take up.
    let secrets = scope.api::<Secret>();
    secrets
        .delete(SECRET, &DeleteParams::default())
        .await
        .unwrap();
    until("a new password", secs(30), || async {
        let uri = uri(&scope).await?;
        if uri.password() == uri_before.password() {
            return Err("the old one".to_owned());
        }
        run(&login(&uri), "SELECT").await
    })
    .await;
    scope
        .until_pipeline("env", "ready again", 60, |pipeline| {
            is_current(pipeline, "Ready", "True")
        })
        .await;
    assert_eq!(roles_of(&scope).await, 1);
    scope.delete("env", 60).await;
    assert_eq!(roles_of(&scope).await, 0, "it goes whatever stays");
    scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_api_there_is_no_login() {
    let scope = Scope::new("no-access").await;
    scope
        .apply(&environment(&scope, "env", |spec| spec["api"] = json!({})))
        .await;
    scope.until_flowing("env").await;
    assert_eq!(roles_of(&scope).await, 1);
    scope.edit("env", json!({ "api": null })).await;
    until("the login to go", secs(30), || async {
        let secret = scope.api::<Secret>().get_opt(SECRET).await;
        match (secret, roles_of(&scope).await) {
            (Ok(None), 0) => Ok(()),
            other => Err(format!("{} roles", other.1)),
        }
    })
    .await;
    scope.close().await;
}
