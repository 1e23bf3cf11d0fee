//! What Prometheus and Jaeger in the cluster know, through the API server.

use serde_json::Value;

use crate::cluster::Cluster;

/// Where they run.
pub const MONITORING_NAMESPACE: &str = "monitoring";

/// A series and its value now.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its labels.
    pub labels: Value,
    /// Its value.
    pub value: f64,
}

/// What a query to Prometheus answers now.
///
/// # Errors
/// When Prometheus refuses the query or does not answer.
pub async fn query(cluster: &Cluster, query: &str) -> Result<Vec<Sample>, String> {
    let answer = ask(
        cluster,
        "prometheus:9090",
        "/api/v1/query",
        &[("query", query)],
    )
    .await?;
    let result = answer["data"]["result"]
        .as_array()
        .ok_or_else(|| format!("{query}: {answer}"))?;
    let samples = result.iter().map(|series| Sample {
        labels: series["metric"].clone(),
        value: series["value"][1]
            .as_str()
            .and_then(|value| value.parse().ok())
            .unwrap_or(f64::NAN),
    });
    Ok(samples.collect())
}

/// The traces that Jaeger has of a service, newest first; of an operation, if one is named.
///
/// # Errors
/// When Jaeger does not answer.
pub async fn traces(
    cluster: &Cluster,
    service: &str,
    parameters: &[(&str, &str)],
) -> Result<Vec<Value>, String> {
    let mut all = vec![("service", service), ("limit", "50"), ("lookback", "1h")];
    all.extend(parameters);
    let answer = ask(cluster, "jaeger:16686", "/api/traces", &all).await?;
    Ok(answer["data"].as_array().cloned().unwrap_or_default())
}

async fn ask(
    cluster: &Cluster,
    service: &str,
    path: &str,
    parameters: &[(&str, &str)],
) -> Result<Value, String> {
    let parameters = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let uri = format!(
        "/api/v1/namespaces/{MONITORING_NAMESPACE}/services/{service}/proxy{path}?{parameters}"
    );
    let request = http::Request::get(uri)
        .body(Vec::new())
        .map_err(|error| error.to_string())?;
    let text = cluster.client.request_text(request).await;
    let text = text.map_err(|error| format!("{service}{path}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
}
