//! `sensorstream-operator check`: whether an installation does its job, asked from a pod of the
//! cluster. `helm test` runs it.
//!
//! Two questions: does the operator say that it is ready, and does the API server, by way of the
//! resource definition and the webhook, take a right pipeline and refuse a wrong one? Both are
//! asked as a dry run, so nothing is made.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use kube::{Api, Client, api::PostParams};
use sensorstream_crds::SensorPipeline;
use serde_json::{Value, json};
use url::Url;

/// For one exchange.
const EXCHANGE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);

/// What to check.
#[derive(Clone, Debug, clap::Args)]
pub struct Check {
    /// Where the operator says that it is ready, such as `http://operator:8080/readyz`
    #[arg(long)]
    url: Url,
    /// A namespace in which to ask the API server, as a dry run, to take a right pipeline and to
    /// refuse a wrong one; left out, that is not checked
    #[arg(long)]
    admission_namespace: Option<String>,
    /// For how many seconds to go on asking
    #[arg(long, default_value_t = 60)]
    timeout_seconds: u64,
}

/// What an installation lacks.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The URL is not one that can be asked.
    #[error("{0} has no host; write it as http://HOST:PORT/PATH")]
    Url(Url),
    /// Nothing answers.
    #[error("asking {0}")]
    Unreachable(Url, #[source] io::Error),
    /// Something answers, but not that it is ready.
    #[error("{0} answers `{1}`")]
    NotReady(Url, String),
    /// There is no way to the API server.
    #[error("connecting to the API server")]
    Client(#[source] kube::Error),
    /// The API server does not take what it should.
    #[error("the API server refuses a right pipeline; see the resource definition and the webhook")]
    Refused(#[source] kube::Error),
    /// The API server does not say what is wrong.
    #[error(
        "the API server refuses a wrong pipeline for another reason than what is wrong with it"
    )]
    OtherReason(#[source] kube::Error),
    /// The API server takes what it should not.
    #[error("the API server takes a wrong pipeline; the webhook is not asked")]
    Taken,
}

impl Check {
    /// Asks until everything is as it should be, or time is up.
    pub async fn run(self) -> Result<(), CheckError> {
        let deadline = Instant::now() + Duration::from_secs(self.timeout_seconds);
        loop {
            match self.once().await {
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => tokio::time::sleep(PAUSE).await,
                Ok(()) => return Ok(()),
            }
        }
    }

    async fn once(&self) -> Result<(), CheckError> {
        // This process does nothing else, so blocking is fine.
        ready(&self.url)?;
        if let Some(namespace) = &self.admission_namespace {
            let client = Client::try_default().await.map_err(CheckError::Client)?;
            admission(&Api::namespaced(client, namespace)).await?;
        }
        Ok(())
    }
}

fn ready(url: &Url) -> Result<(), CheckError> {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(CheckError::Url(url.clone()));
    };
    let answer = get(host, port, url.path());
    let answer = answer.map_err(|error| CheckError::Unreachable(url.clone(), error))?;
    let status = answer.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        Ok(())
    } else {
        Err(CheckError::NotReady(url.clone(), status.to_owned()))
    }
}

fn get(host: &str, port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((host, port))?;
    stream.set_read_timeout(Some(EXCHANGE))?;
    stream.set_write_timeout(Some(EXCHANGE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

async fn admission(pipelines: &Api<SensorPipeline>) -> Result<(), CheckError> {
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    pipelines
        .create(&dry, &pipeline("5m"))
        .await
        .map_err(CheckError::Refused)?;
    match pipelines.create(&dry, &pipeline("1s")).await {
        Err(kube::Error::Api(status)) if status.message.contains("spec.stopDeadline") => Ok(()),
        Err(error) => Err(CheckError::OtherReason(error)),
        Ok(_) => Err(CheckError::Taken),
    }
}

/// A pipeline that is right if this deadline is, which only the webhook can tell.
fn pipeline(stop_deadline: &str) -> SensorPipeline {
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let pipeline: Value = json!({
        "apiVersion": "sensorstream.dev/v1alpha1",
        "kind": "SensorPipeline",
        "metadata": { "name": "sensorstream-check" },
        "spec": {
            "stopDeadline": stop_deadline,
            "kafka": { "bootstrapServers": "kafka:9092" },
            "postgres": { "secretKeyRef": { "name": "check", "key": "uri" } },
            "input": {
                "topic": { "name": "check" },
                "key": "id",
                "fields": [field("id", "string"), field("time", "timestamp")],
                "eventTime": { "field": "time" },
            },
            "outputs": {
                "table": { "name": "check" },
                "deadLetter": { "topic": { "name": "check.dead-letter" } },
            },
        },
    });
    serde_json::from_value(pipeline).expect("the pipeline of the check has the right form")
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use sensorstream_crds::admission::violations;

    use super::*;

    fn found(stop_deadline: &str) -> Vec<String> {
        let object = serde_json::to_value(pipeline(stop_deadline)).unwrap();
        violations(&object, None)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_right_pipeline_is_right_and_the_wrong_one_wrong_for_the_webhook_alone() {
        assert_eq!(found("5m"), Vec::<String>::new());
        let found = found("1s");
        assert!(
            found.len() == 1 && found[0].starts_with("spec.stopDeadline: "),
            "{found:?}"
        );
    }

    fn answering(answer: &'static str) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/readyz", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            assert!(request.starts_with(b"GET /readyz HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        url.parse().unwrap()
    }

    #[test]
    fn only_an_answer_of_200_is_ready() {
        assert!(ready(&answering("HTTP/1.1 200 OK\r\n\r\nok\n")).is_ok());
        let refused = ready(&answering(
            "HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready\n",
        ));
        assert!(matches!(refused, Err(CheckError::NotReady(_, status)) if status.contains("503")));
        let nobody: Url = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            format!("http://{}/readyz", listener.local_addr().unwrap())
                .parse()
                .unwrap()
        };
        assert!(matches!(ready(&nobody), Err(CheckError::Unreachable(..))));
        let hostless = "data:nothing".parse().unwrap();
        assert!(matches!(ready(&hostless), Err(CheckError::Url(_))));
    }
}
