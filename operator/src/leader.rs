//! Which replica acts: one holder at a time of a Lease in the operator's own namespace.
//!
//! ```text
//! read the Lease ─► decide (pure: what was seen, since when, now) ─► write it ─► wait, and again
//! ```
//! A standby trusts nobody's clock: a Lease has run out when it did not change for its duration
//! by the standby's own clock. A holder counts from before it sent its last renewal, and stops
//! leading well before anyone could find the Lease expired. Two writers are told apart by the
//! Lease's resource version, so only one of them succeeds.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{Api, Client, api::ObjectMeta, api::PostParams};
use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

use crate::telemetry;

/// Which Lease to hold, and as whom.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// The namespace of the Lease, the operator's own.
    pub namespace: String,
    /// The name of the Lease.
    pub name: String,
    /// Who holds it: the name of this pod, which no two running replicas share.
    pub identity: String,
}

/// Tries to hold the Lease until `shutdown`, in a task of its own.
///
/// The answer is true while this replica leads. Once it turns false again the task ends and the
/// channel closes: the process must then end too, since what it had under way may be stale.
/// Cancel `shutdown` only when nothing is being written any more: the Lease is then released at
/// once for a successor, and the channel closes when that is done.
pub fn hold(
    client: Client,
    settings: LeaseSettings,
    shutdown: CancellationToken,
) -> watch::Receiver<bool> {
    let (leading, receiver) = watch::channel(false);
    let candidate = Candidate::new(client, settings, Timing::default());
    tokio::spawn(candidate.run(leading, shutdown));
    receiver
}

/// How long things may take. Those of the Lease's users in Kubernetes itself.
#[derive(Clone, Copy, Debug)]
struct Timing {
    /// For how long others leave an unchanged Lease alone.
    lease: Duration,
    /// For how long a holder goes on without a renewal that worked.
    renew_deadline: Duration,
    /// Between two rounds, give or take a fifth.
    retry: Duration,
    /// For one request.
    request: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
            request: Duration::from_secs(5),
        }
    }
}

/// A Lease, and since when it has looked like this by our own clock.
#[derive(Clone, Debug)]
struct Observed {
    lease: Lease,
    since: Instant,
}

impl Observed {
    fn spec(&self) -> Option<&LeaseSpec> {
        self.lease.spec.as_ref()
    }

    /// Who holds it, if anybody does.
    fn holder(&self) -> Option<&str> {
        self.spec()?
            .holder_identity
            .as_deref()
            .filter(|holder| !holder.is_empty())
    }

    /// For how long its holder asked to be left alone.
    fn duration(&self) -> Duration {
        let seconds = self
            .spec()
            .and_then(|spec| spec.lease_duration_seconds)
            .unwrap_or(0);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }

    /// The next look at the Lease: the time starts anew only if its holder gave a sign.
    fn followed_by(self, lease: Lease, now: Instant) -> Self {
        if lease.spec == self.lease.spec {
            Self { lease, ..self }
        } else {
            Self { lease, since: now }
        }
    }
}

/// What this replica is at the moment.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Standby,
    /// Leading, by a renewal that was sent at this time and went through.
    Leading {
        renewed: Instant,
    },
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// Take the Lease, or make it.
    Acquire,
    /// Keep the Lease.
    Renew,
    /// Somebody else leads.
    Wait,
    /// Stop leading.
    Lost,
}

/// What to do about the Lease, given what was seen of it; `None` when there is none.
fn decide(
    observed: Option<&Observed>,
    role: Role,
    me: &str,
    renew_deadline: Duration,
    now: Instant,
) -> Decision {
    let holder = observed.and_then(Observed::holder);
    match role {
        Role::Lost => Decision::Lost,
        Role::Leading { renewed } if now.saturating_duration_since(renewed) >= renew_deadline => {
            Decision::Lost
        }
        // Whoever took it did so by a write that ours would have prevented. A Lease that was
        // deleted is made again; only one replica can do that.
        Role::Leading { .. } if holder.is_some_and(|holder| holder != me) => Decision::Lost,
        Role::Leading { .. } => Decision::Renew,
        Role::Standby => match (observed, holder) {
            (None, _) | (_, None) => Decision::Acquire,
            // A container of this very pod that has ended.
            (_, Some(holder)) if holder == me => Decision::Acquire,
            (Some(seen), _) if now.saturating_duration_since(seen.since) >= seen.duration() => {
                Decision::Acquire
            }
            _ => Decision::Wait,
        },
    }
}

/// The Lease to write so that `me` holds it.
fn held_by(me: &str, seen: Option<&Lease>, duration: Duration, now: Timestamp) -> LeaseSpec {
    let before = seen.and_then(|lease| lease.spec.clone());
    let transitions = before.as_ref().and_then(|spec| spec.lease_transitions);
    let mut spec = before.unwrap_or_default();
    if spec.holder_identity.as_deref() != Some(me) {
        spec.lease_transitions = Some(transitions.map_or(0, |count| count.saturating_add(1)));
        spec.acquire_time = Some(MicroTime(now));
    }
    spec.holder_identity = Some(me.to_owned());
    spec.lease_duration_seconds = Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX));
    spec.renew_time = Some(MicroTime(now));
    spec
}

/// The Lease to write so that anybody may take it at once.
fn released(spec: LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        renew_time: Some(MicroTime(now)),
        ..spec
    }
}

#[derive(Debug, thiserror::Error)]
enum LeaseError {
    #[error("reading the lease {0}")]
    Read(String, #[source] kube::Error),
    #[error("writing the lease {0}")]
    Write(String, #[source] kube::Error),
    #[error("the lease {0} could not be reached in time")]
    Timeout(String),
}

struct Candidate {
    api: Api<Lease>,
    settings: LeaseSettings,
    timing: Timing,
    observed: Option<Observed>,
    /// Whether `observed` must be read again before it is built on.
    stale: bool,
    role: Role,
}

impl Candidate {
    fn new(client: Client, settings: LeaseSettings, timing: Timing) -> Self {
        let api = Api::namespaced(client, &settings.namespace);
        Self {
            api,
            settings,
            timing,
            observed: None,
            stale: true,
            role: Role::Standby,
        }
    }

    async fn run(mut self, leading: watch::Sender<bool>, shutdown: CancellationToken) {
        while self.role != Role::Lost && !shutdown.is_cancelled() {
            let limit = self.limit(self.timing.request);
            // Not cut short by a shutdown, so that it is known whether the Lease is ours.
            let outcome = time::timeout(limit, self.round()).await;
            if let Err(error) = outcome.unwrap_or_else(|_| Err(LeaseError::Timeout(self.shown()))) {
                // What was sent may have arrived all the same.
                self.stale = true;
                tracing::warn!(error = telemetry::chain(&error), "lease not kept up");
            }
            let leads = matches!(self.role, Role::Leading { .. });
            if leading.send_if_modified(|led| std::mem::replace(led, leads) != leads) {
                tracing::info!(lease = self.shown(), leads, "leadership changed");
            }
            let pause = self.limit(self.timing.retry.mul_f64(rand::random_range(0.8..1.2)));
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = time::sleep(pause) => {}
            }
        }
        leading.send_replace(false);
        if matches!(self.role, Role::Leading { .. }) {
            self.release().await;
        }
    }

    /// One look at the Lease and what follows from it.
    async fn round(&mut self) -> Result<(), LeaseError> {
        let now = Instant::now();
        // A holder past its deadline must not wait for an answer first.
        let late = self.decide(now) == Decision::Lost;
        if self.stale && !late {
            self.read().await?;
        }
        match self.decide(Instant::now()) {
            Decision::Acquire | Decision::Renew => self.take().await,
            Decision::Wait => Ok(()),
            Decision::Lost => {
                self.role = Role::Lost;
                Ok(())
            }
        }
    }

    fn decide(&self, now: Instant) -> Decision {
        let me = &self.settings.identity;
        decide(
            self.observed.as_ref(),
            self.role,
            me,
            self.timing.renew_deadline,
            now,
        )
    }

    async fn read(&mut self) -> Result<(), LeaseError> {
        let lease = self.api.get_opt(&self.settings.name).await;
        let lease = lease.map_err(|error| LeaseError::Read(self.shown(), error))?;
        let now = Instant::now();
        self.observed = match (self.observed.take(), lease) {
            (_, None) => None,
            (None, Some(lease)) => Some(Observed { lease, since: now }),
            (Some(seen), Some(lease)) => Some(seen.followed_by(lease, now)),
        };
        Ok(())
    }

    async fn take(&mut self) -> Result<(), LeaseError> {
        let sent = Instant::now();
        let seen = self.observed.as_ref().map(|seen| &seen.lease);
        let spec = held_by(
            &self.settings.identity,
            seen,
            self.timing.lease,
            Timestamp::now(),
        );
        // Should this be cut short, the outcome is unknown.
        self.stale = true;
        let Some(lease) = self.write(spec).await? else {
            return Ok(());
        };
        self.observed = Some(Observed { lease, since: sent });
        self.role = Role::Leading { renewed: sent };
        // A holder knows the Lease by its own writes and reads it only after one that failed.
        self.stale = false;
        Ok(())
    }

    /// Writes the Lease over the one last seen; `None` when another writer was faster.
    async fn write(&self, spec: LeaseSpec) -> Result<Option<Lease>, LeaseError> {
        let name = &self.settings.name;
        let parameters = PostParams::default();
        let written = if let Some(seen) = &self.observed {
            let lease = Lease {
                spec: Some(spec),
                ..seen.lease.clone()
            };
            self.api.replace(name, &parameters, &lease).await
        } else {
            let metadata = ObjectMeta {
                name: Some(name.clone()),
                ..ObjectMeta::default()
            };
            let lease = Lease {
                metadata,
                spec: Some(spec),
            };
            self.api.create(&parameters, &lease).await
        };
        match written {
            Ok(lease) => Ok(Some(lease)),
            Err(kube::Error::Api(status)) if status.code == 409 || status.is_not_found() => {
                Ok(None)
            }
            Err(error) => Err(LeaseError::Write(self.shown(), error)),
        }
    }

    /// Gives the Lease up. If that fails, a successor waits for it to run out.
    async fn release(&mut self) {
        let outcome = time::timeout(self.timing.request, self.try_release()).await;
        match outcome.unwrap_or_else(|_| Err(LeaseError::Timeout(self.shown()))) {
            Ok(()) => tracing::info!(lease = self.shown(), "released"),
            Err(error) => tracing::warn!(error = telemetry::chain(&error), "lease not released"),
        }
    }

    async fn try_release(&mut self) -> Result<(), LeaseError> {
        if self.stale {
            self.read().await?;
        }
        let held = self
            .observed
            .as_ref()
            .filter(|o| o.holder() == Some(&self.settings.identity));
        if let Some(spec) = held.and_then(Observed::spec) {
            self.write(released(spec.clone(), Timestamp::now())).await?;
        }
        Ok(())
    }

    /// A span, cut so that a holder is awake when its deadline comes.
    fn limit(&self, span: Duration) -> Duration {
        match self.role {
            Role::Leading { renewed } => {
                let left = (renewed + self.timing.renew_deadline)
                    .saturating_duration_since(Instant::now());
                // A little more, or the deadline would be looked at just before it passes.
                span.min(left + Duration::from_millis(1))
            }
            Role::Standby | Role::Lost => span,
        }
    }

    fn shown(&self) -> String {
        format!("{}/{}", self.settings.namespace, self.settings.name)
    }
}

#[cfg(test)]
mod tests;
