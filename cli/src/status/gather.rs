//! Reads from the cluster what is explained.

use jiff::SignedDuration;
use k8s_openapi::api::{apps::v1::Deployment, coordination::v1::Lease, events::v1::Event};
use kube::{Api, Client, ResourceExt, api::ListParams};
use sensorstream_crds::SensorPipeline;

use super::{
    explain::{Seen, Warning},
    operator::{Installed, Leader, Operator},
};
use crate::{
    cluster::Cluster,
    pipelines::{self, PipelineError},
};

/// How many warnings are shown.
const WARNINGS: usize = 5;
/// What the operator's Deployment is found by.
const SELECTOR: &str = "app.kubernetes.io/name=sensorstream-operator";

/// Reads all there is to say of one pipeline.
pub async fn one(
    cluster: &Cluster,
    name: &str,
    context: Option<String>,
) -> Result<Seen, PipelineError> {
    let pipeline = pipelines::get(cluster, name).await?;
    let operator = operator(&cluster.client).await;
    let warnings = warnings(&cluster.client, &pipeline).await;
    Ok(Seen {
        pipeline,
        warnings,
        operator,
        context,
    })
}

/// The newest warnings about a pipeline. They only add to what the status says, so none are shown where they
/// can't be read.
async fn warnings(client: &Client, pipeline: &SensorPipeline) -> Vec<Warning> {
    let api: Api<Event> =
        Api::namespaced(client.clone(), &pipeline.namespace().unwrap_or_default());
    let selector = format!(
        "regarding.kind=SensorPipeline,regarding.name={},type=Warning",
        pipeline.name_any()
    );
    let Ok(found) = api.list(&ListParams::default().fields(&selector)).await else {
        return Vec::new();
    };
    let of_this_one = |event: &Event| {
        let regarding = event.regarding.as_ref();
        regarding.and_then(|regarding| regarding.uid.as_ref()) == pipeline.metadata.uid.as_ref()
    };
    let mut warnings: Vec<Warning> = found
        .items
        .into_iter()
        .filter(of_this_one)
        .map(warning)
        .collect();
    warnings.sort_by_key(|warning| std::cmp::Reverse(warning.at));
    warnings.truncate(WARNINGS);
    warnings
}

fn warning(event: Event) -> Warning {
    let series = event.series.map(|series| series.last_observed_time.0);
    let at = series.or(event.event_time.map(|time| time.0));
    Warning {
        at: at.or(event.deprecated_last_timestamp.map(|time| time.0)),
        reason: event.reason.unwrap_or_default(),
        note: event.note.unwrap_or_default(),
    }
}

/// What there is of the operator, as far as one may look.
pub async fn operator(client: &Client) -> Operator {
    let all: Api<Deployment> = Api::all(client.clone());
    let found = match all.list(&ListParams::default().labels(SELECTOR)).await {
        Ok(found) => found.items,
        Err(error) => return Operator::Unseen(why(&error)),
    };
    // Of several, one that runs: which of them watches a namespace can't be seen.
    let ready = |deployment: &Deployment| {
        deployment
            .status
            .as_ref()
            .and_then(|status| status.ready_replicas)
            .unwrap_or(0)
    };
    let Some(deployment) = found.into_iter().max_by_key(ready) else {
        return Operator::Absent;
    };
    let namespace = deployment.namespace().unwrap_or_default();
    let lease = lease_name(&deployment).unwrap_or_else(|| deployment.name_any());
    let leases: Api<Lease> = Api::namespaced(client.clone(), &namespace);
    let leader = match leases.get_opt(&lease).await {
        Ok(lease) => lease.and_then(leader),
        Err(error) => return Operator::Unseen(why(&error)),
    };
    Operator::Installed(Installed {
        ready: ready(&deployment),
        deployment: deployment.name_any(),
        namespace,
        leader,
    })
}

/// The Lease that an operator is told to hold.
fn lease_name(deployment: &Deployment) -> Option<String> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    let mut arguments = pod
        .containers
        .iter()
        .flat_map(|container| container.args.iter().flatten());
    arguments.find_map(|argument| argument.strip_prefix("--lease=").map(str::to_owned))
}

fn leader(lease: Lease) -> Option<Leader> {
    let spec = lease.spec?;
    Some(Leader {
        holder: spec.holder_identity.unwrap_or_default(),
        renewed: spec.renew_time.map(|time| time.0),
        lasts: SignedDuration::from_secs(spec.lease_duration_seconds.unwrap_or(15).into()),
    })
}

fn why(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}
