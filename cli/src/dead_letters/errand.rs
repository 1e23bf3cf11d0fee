//! Runs the Job: makes it, shows its log, and takes its result. Interrupted, it takes the Job away again.

use std::time::Duration;

use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::{apps::v1::Deployment, batch::v1::Job, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, LogParams, PostParams},
};
use sensorstream_operator::role::Role;
use sensorstream_processor::replay::{
    OUTCOME,
    select::{Order, Outcome},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use super::{
    job::{self, COMPONENT},
    target::Home,
};

/// How long the Job's pod may take to start.
const STARTS_WITHIN: Duration = Duration::from_mins(2);
/// How long it may take to be seen that it has ended.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// How often to look.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Why the Job did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ErrandError {
    /// The API server refused something.
    #[error("{0}")]
    Kubernetes(String, #[source] Box<kube::Error>),
    /// There is nothing to make the Job of.
    #[error(
        "there is no Deployment {0} to make the Job of; the operator makes it once topics and tables are ready"
    )]
    NoProcessor(String),
    /// Its pod does not start.
    #[error("the pod of Job {job} does not start: {why}")]
    NotStarted {
        /// The Job.
        job: String,
        /// What the pod says.
        why: String,
    },
    /// It failed.
    #[error("Job {0} failed; its log above says why")]
    Failed(String),
    /// It said nothing.
    #[error(
        "Job {0} ended without saying what it did; is the processor's image of another version?"
    )]
    Silent(String),
    /// Somebody pressed Ctrl-C.
    #[error(
        "interrupted; the Job is taken away, and what it had sent is noted down and not sent again"
    )]
    Interrupted,
}

/// Has an order carried out within the cluster.
pub async fn run(home: &Home, order: &Order) -> Result<Outcome, ErrandError> {
    let (client, namespace) = (&home.cluster.client, &home.cluster.namespace);
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let processor = Role::Processor.object_name(&home.pipeline.name_any());
    let found = deployments.get_opt(&processor).await;
    let found = found.map_err(failed(format!("reading Deployment {processor}")))?;
    let made = found.and_then(|deployment| job::job(&home.pipeline, &deployment, order));
    let made = made.ok_or_else(|| ErrandError::NoProcessor(processor))?;
    let made = jobs.create(&PostParams::default(), &made).await;
    let name = made.map_err(failed("making the Job".into()))?.name_any();
    eprintln!("Job {name} does it in namespace {namespace}.");
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let done = tokio::select! {
        done = follow(&jobs, &pods, &name) => done,
        () = interrupted() => Err(ErrandError::Interrupted),
    };
    if let Err(ErrandError::Interrupted | ErrandError::NotStarted { .. }) = &done {
        let deleted = jobs.delete(&name, &DeleteParams::background()).await;
        deleted.map_err(failed(format!("taking Job {name} away")))?;
    }
    done
}

/// Shows what the Job says until it has ended.
async fn follow(jobs: &Api<Job>, pods: &Api<Pod>, name: &str) -> Result<Outcome, ErrandError> {
    let pod = started(pods, name).await?;
    let parameters = LogParams {
        follow: true,
        container: Some(COMPONENT.into()),
        ..LogParams::default()
    };
    let reading = || failed(format!("reading the log of pod {pod}"));
    let log = pods
        .log_stream(&pod, &parameters)
        .await
        .map_err(reading())?;
    let mut lines = log.lines();
    let mut outcome = None;
    let broken = |error: std::io::Error| {
        failed(format!("reading the log of pod {pod}"))(kube::Error::ReadEvents(error))
    };
    while let Some(line) = lines.try_next().await.map_err(broken)? {
        match line.strip_prefix(OUTCOME) {
            Some(said) => outcome = serde_json::from_str(said).ok(),
            None => eprintln!("  {}", said(&line)),
        }
    }
    let deadline = Instant::now() + ENDS_WITHIN;
    loop {
        let job = jobs
            .get(name)
            .await
            .map_err(failed(format!("reading Job {name}")))?;
        let status = job.status.unwrap_or_default();
        if status.succeeded.unwrap_or(0) > 0 {
            return outcome.ok_or_else(|| ErrandError::Silent(name.to_owned()));
        }
        if status.failed.unwrap_or(0) > 0 || Instant::now() > deadline {
            return Err(ErrandError::Failed(name.to_owned()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The Job's pod, once it runs or has run.
async fn started(pods: &Api<Pod>, job: &str) -> Result<String, ErrandError> {
    let deadline = Instant::now() + STARTS_WITHIN;
    let parameters = ListParams::default().labels(&job::selector(job));
    loop {
        let found = pods.list(&parameters).await;
        let found = found.map_err(failed(format!("looking for the pod of Job {job}")))?;
        let pod = found.items.first();
        let phase = pod.and_then(|pod| pod.status.as_ref()?.phase.as_deref());
        if let (Some(pod), Some("Running" | "Succeeded" | "Failed")) = (pod, phase) {
            return Ok(pod.name_any());
        }
        if Instant::now() > deadline {
            let why = pod.map_or_else(|| "it was not made".to_owned(), waits_for);
            let job = job.to_owned();
            return Err(ErrandError::NotStarted { job, why });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What a pod waits for.
fn waits_for(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let containers = status.container_statuses.unwrap_or_default();
    let waiting = containers
        .into_iter()
        .find_map(|container| container.state?.waiting);
    let scheduled = status.conditions.unwrap_or_default();
    let unschedulable = scheduled
        .into_iter()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    match (waiting, unschedulable) {
        (Some(waiting), _) => format!(
            "{}: {}",
            waiting.reason.unwrap_or_default(),
            waiting.message.unwrap_or_default()
        ),
        (None, Some(condition)) => condition.message.unwrap_or_default(),
        (None, None) => "it is pending".to_owned(),
    }
}

/// What a line of the processor's log says to people.
fn said(line: &str) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(line).ok();
    let member = |name: &str| Some(json.as_ref()?.get(name)?.as_str()?.to_owned());
    match (member("message"), member("error")) {
        (Some(message), Some(error)) => format!("{message}: {error}"),
        (Some(message), None) => {
            let replayed = json
                .as_ref()
                .and_then(|json| json.get("replayed")?.as_u64());
            replayed.map_or(message.clone(), |count| {
                format!("{message}: {count} sent so far")
            })
        }
        (None, _) => line.to_owned(),
    }
}

fn failed(doing: String) -> impl FnOnce(kube::Error) -> ErrandError {
    move |error| ErrandError::Kubernetes(doing, Box::new(error))
}

/// Ends when somebody interrupts the program.
pub async fn interrupted() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_processor_logs_is_said_to_people() {
        assert_eq!(
            said(r#"{"level":"INFO","message":"replaying","replayed":1000}"#),
            "replaying: 1000 sent so far"
        );
        assert_eq!(
            said(r#"{"message":"stopped by an error","error":"no"}"#),
            "stopped by an error: no"
        );
        assert_eq!(said("a panic"), "a panic");
    }
}
