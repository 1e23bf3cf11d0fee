//! The pipeline's roles as tasks of this process: what a cluster runs as pods.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use sensorstream_crds::runtime::RoleConfigs;
use sensorstream_operator::{
    observe::objects::{PodState, Rollout, Workload},
    role::Role,
};
use sensorstream_processor::{
    http::{Readiness, Server},
    process, produce, serve,
};
use sensorstream_telemetry::metrics::Catalog;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::feed::{self, Feed, FeedError};

/// What the roles need besides their configurations.
pub struct Surroundings {
    /// How to log in to the database.
    pub database: String,
    /// Where the API and the dashboard answer.
    pub api: SocketAddr,
    /// The folder with the dashboard.
    pub dashboard: PathBuf,
    /// What is read in place of the simulator's readings.
    pub feed: Option<Feed>,
}

/// The roles that run, and those that ran.
#[derive(Default)]
pub struct Roles {
    tasks: BTreeMap<Role, Running>,
    /// Those that were stopped.
    gone: Vec<Role>,
}

struct Running {
    stop: CancellationToken,
    ready: Readiness,
    metrics: Option<Catalog>,
    task: JoinHandle<Result<(), RoleError>>,
}

impl Drop for Running {
    /// Whatever happens, a thread that nobody tells would keep the process.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Why a role ended.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// The simulator.
    #[error("the simulator stopped")]
    Produce(#[from] produce::ProduceError),
    /// The processor.
    #[error("the processor stopped")]
    Process(#[from] process::ProcessError),
    /// The API.
    #[error("the API stopped")]
    Serve(#[from] serve::ServeError),
    /// The file with readings.
    #[error("reading the input")]
    Feed(#[from] FeedError),
    /// A task that panicked.
    #[error("the {0} died; please report what the log says")]
    Panic(Role),
}

impl Roles {
    /// Starts a role, unless it runs, or there is nothing for it to do.
    pub fn start(
        &mut self,
        role: Role,
        configs: &RoleConfigs,
        around: &Surroundings,
        reader: Option<String>,
    ) {
        if self.tasks.contains_key(&role) || self.gone.contains(&role) {
            return;
        }
        let stop = CancellationToken::new();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let pipeline = &configs.process.pipeline;
        let (ready, metrics, task) = match role {
            Role::Processor => {
                let server = Server::new(anywhere, pipeline);
                let (ready, metrics) = (server.ready.clone(), server.metrics.clone());
                let (config, uri) = (configs.process.clone(), around.database.clone());
                let told = stop.clone();
                let task = tokio::spawn(async move {
                    Ok(process::run_with(config, &uri, server, told).await?)
                });
                (ready, Some(metrics), task)
            }
            Role::Producer => match (&around.feed, &configs.produce) {
                (Some(feed), _) => {
                    let (ready, told) = (Readiness::default(), stop.clone());
                    let (feed, process) = (feed.clone(), configs.process.clone());
                    let is_ready = ready.clone();
                    let task =
                        tokio::spawn(
                            async move { Ok(feed::run(feed, process, is_ready, told).await?) },
                        );
                    (ready, None, task)
                }
                (None, Some(config)) => {
                    let server = Server::new(anywhere, pipeline);
                    let (ready, metrics) = (server.ready.clone(), server.metrics.clone());
                    let (config, told) = (config.clone(), stop.clone());
                    let task =
                        tokio::spawn(async move { Ok(produce::run(config, server, told).await?) });
                    (ready, Some(metrics), task)
                }
                (None, None) => return,
            },
            Role::Api => {
                let Some(config) = configs.serve.clone() else {
                    return;
                };
                let server = Server::new(around.api, pipeline);
                let (ready, metrics) = (server.ready.clone(), server.metrics.clone());
                let uri = reader.unwrap_or_else(|| around.database.clone());
                let (told, dashboard) = (stop.clone(), around.dashboard.clone());
                let task = tokio::spawn(async move {
                    let run = serve::run_with(config, &uri, None, &dashboard, server, told);
                    Ok(run.await?)
                });
                (ready, Some(metrics), task)
            }
        };
        let running = Running {
            stop,
            ready,
            metrics,
            task,
        };
        self.tasks.insert(role, running);
    }

    /// Asks a role to stop, if it runs.
    pub fn stop(&mut self, role: Role) {
        if let Some(running) = self.tasks.get(&role) {
            running.stop.cancel();
        }
    }

    /// Takes note of roles that have ended. Fails if one did so of itself.
    pub async fn look(&mut self) -> Result<(), RoleError> {
        let ended: Vec<Role> = self
            .tasks
            .iter()
            .filter(|(_, running)| running.task.is_finished())
            .map(|(role, _)| *role)
            .collect();
        for role in ended {
            if let Some(mut running) = self.tasks.remove(&role) {
                self.gone.push(role);
                let ended = (&mut running.task).await;
                ended.unwrap_or(Err(RoleError::Panic(role)))?;
            }
        }
        Ok(())
    }

    /// Stops everything, and waits for it.
    pub async fn stop_all(&mut self) -> Result<(), RoleError> {
        for running in self.tasks.values() {
            running.stop.cancel();
        }
        let mut result = Ok(());
        while let Some((role, mut running)) = self.tasks.pop_first() {
            let ended = (&mut running.task).await;
            result = result.and(ended.unwrap_or(Err(RoleError::Panic(role))));
        }
        result
    }

    /// Whether a role can do its job.
    pub fn is_ready(&self, role: Role) -> bool {
        self.tasks
            .get(&role)
            .is_some_and(|running| running.ready.get())
    }

    /// Whether a role ended of its own accord, as one that reads a file does.
    pub fn has_ended(&self, role: Role) -> bool {
        self.gone.contains(&role)
    }

    /// A gauge or counter of a role, by name: the sum of its series.
    pub fn metric(&self, role: Role, name: &str) -> Option<f64> {
        let families = self.tasks.get(&role)?.metrics.as_ref()?.gather();
        let family = families.iter().find(|family| family.name() == name)?;
        let value = |metric: &prometheus::proto::Metric| {
            metric.get_gauge().get_value() + metric.get_counter().get_value()
        };
        Some(family.get_metric().iter().map(value).sum())
    }

    /// The roles as the operator sees workloads: each a Deployment of one pod, or scaled to none.
    pub fn workloads(&self) -> BTreeMap<Role, Workload> {
        let gone = self.gone.iter().map(|role| (*role, stopped()));
        let running = self.tasks.iter().map(|(role, running)| {
            let rollout = Rollout {
                observed: true,
                wanted: i32::from(!running.stop.is_cancelled()),
                existing: 1,
                updated: 1,
                ready: i32::from(running.ready.get()),
            };
            let pod = PodState {
                name: role.component().to_owned(),
                trouble: None,
            };
            let workload = Workload {
                rollout: Some(rollout),
                pods: vec![pod],
            };
            (*role, workload)
        });
        gone.chain(running).collect()
    }
}

/// A workload that was scaled to none.
fn stopped() -> Workload {
    Workload {
        rollout: Some(Rollout {
            observed: true,
            ..Rollout::default()
        }),
        pods: Vec::new(),
    }
}
