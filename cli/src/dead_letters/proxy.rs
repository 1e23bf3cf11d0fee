//! Dead letters by the pipeline's API, which the API server of Kubernetes leads to.

use http::Request;
use kube::client::Body;
use sensorstream_crds::PipelineId;

use super::{
    letters::{OfApi, Shown},
    target::Home,
};

/// Why the API does not tell.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The pipeline has no API.
    #[error(
        "the brokers are not reached from here, and the pipeline has no API to ask instead; add `api: {{}}` to its spec, \
         or name brokers that are reached with --bootstrap-servers"
    )]
    NoApi,
    /// The API wants a login, which the API server does not pass on.
    #[error(
        "the pipeline's API wants a login, which is not passed on through the API server of Kubernetes; name brokers \
         that are reached from here with --bootstrap-servers"
    )]
    Login,
    /// Somebody on the way refused.
    #[error("asking the API of {pipeline}: {status}: {text}")]
    Refused {
        /// Whose API.
        pipeline: PipelineId,
        /// The status.
        status: u16,
        /// What it said.
        text: String,
    },
    /// The API server can't be asked.
    #[error("asking the API by the API server of Kubernetes")]
    Kubernetes(#[source] Box<kube::Error>),
    /// The answer makes no sense.
    #[error("the API's answer can't be read; is it of another version?")]
    Answer(#[source] serde_json::Error),
}

/// Every letter that the API holds, newest first.
pub async fn letters(home: &Home, id: &PipelineId) -> Result<Vec<Shown>, ProxyError> {
    if home.pipeline.spec.api.is_none() {
        return Err(ProxyError::NoApi);
    }
    let path = format!(
        "/api/v1/namespaces/{}/services/{}-api:http/proxy/dead-letters",
        id.namespace, id.name
    );
    let mut found = Vec::new();
    let mut query = String::new();
    loop {
        let (page, next) = page(home, id, &format!("{path}{query}")).await?;
        found.extend(page.into_iter().map(Shown::from));
        match next {
            Some(next) => query = next,
            None => return Ok(found),
        }
    }
}

/// A page, and the query of the next one.
async fn page(
    home: &Home,
    id: &PipelineId,
    path: &str,
) -> Result<(Vec<OfApi>, Option<String>), ProxyError> {
    let kubernetes = |error| ProxyError::Kubernetes(Box::new(error));
    let request = Request::get(path)
        .body(Body::empty())
        .expect("the path is one");
    let answer = home
        .cluster
        .client
        .send(request)
        .await
        .map_err(kubernetes)?;
    let status = answer.status();
    let link = answer
        .headers()
        .get("link")
        .and_then(|link| link.to_str().ok());
    let next = link.and_then(next_query).map(str::to_owned);
    let body = answer
        .into_body()
        .collect_bytes()
        .await
        .map_err(kubernetes)?;
    if status == http::StatusCode::UNAUTHORIZED {
        return Err(ProxyError::Login);
    }
    if !status.is_success() {
        return Err(ProxyError::Refused {
            pipeline: id.clone(),
            status: status.as_u16(),
            text: said(&body),
        });
    }
    let letters = serde_json::from_slice(&body).map_err(ProxyError::Answer)?;
    Ok((letters, next))
}

/// The query of the link to the next page: `<?limit=…&cursor=…>; rel="next"`.
fn next_query(link: &str) -> Option<&str> {
    let (target, rest) = link.strip_prefix('<')?.split_once('>')?;
    (rest.contains("rel=\"next\"") && target.starts_with('?')).then_some(target)
}

/// What an error's body says, as a problem of the API's or a status of Kubernetes'.
fn said(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let member = |name: &str| json.as_ref()?.get(name)?.as_str().map(str::to_owned);
    member("detail")
        .or_else(|| member("message"))
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_where_the_link_leads() {
        assert_eq!(
            next_query("<?limit=100&cursor=5b>; rel=\"next\""),
            Some("?limit=100&cursor=5b")
        );
        assert_eq!(next_query("<?limit=100>; rel=\"prev\""), None);
        assert_eq!(next_query("<http://elsewhere/?a>; rel=\"next\""), None);
    }

    #[test]
    fn errors_are_told_in_their_own_words() {
        assert_eq!(said(br#"{"title":"a","detail":"b"}"#), "b");
        assert_eq!(said(br#"{"kind":"Status","message":"c"}"#), "c");
        assert_eq!(said(b"d"), "d");
    }
}
