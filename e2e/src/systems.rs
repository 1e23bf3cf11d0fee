//! The systems of the examples on the cluster, and the oracle's judgement of everything that comes of them.

use std::collections::BTreeMap;

use sensorstream_crds::SensorPipeline;
use sensorstream_oracle::{
    Input, Oracle, log,
    systems::{clickstream, factory},
    windows::Sliding,
};
use serde_json::json;
use sqlx::Row;

use crate::{
    counts::{Sent, sent},
    pipeline::{example, schema},
    scope::Scope,
    wait::{secs, until},
};

/// A system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Motors.
    Factory,
    /// Visitors.
    Clickstream,
}

impl System {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Factory, Self::Clickstream];

    /// The name of its example, and of its pipeline.
    pub fn name(self) -> &'static str {
        match self {
            Self::Factory => "factory",
            Self::Clickstream => "clickstream",
        }
    }

    fn input(self) -> &'static Input {
        match self {
            Self::Factory => &factory::INPUT,
            Self::Clickstream => &clickstream::INPUT,
        }
    }

    /// A window to look into the accounts of.
    fn window(self) -> (&'static str, Sliding) {
        match self {
            Self::Factory => ("device_minutes", factory::MINUTES),
            Self::Clickstream => ("page_view_counts", clickstream::VIEWS),
        }
    }

    async fn assert_tables(self, oracle: &Oracle, tables: &str) {
        match self {
            Self::Factory => factory::assert_tables(oracle, tables).await,
            Self::Clickstream => clickstream::assert_tables(oracle, tables).await,
        }
    }

    /// Its pipeline: so many readings a second for so many seconds, with faults, by so many processors.
    pub fn pipeline(self, scope: &Scope, rate: i64, seconds: i64, replicas: i32) -> SensorPipeline {
        example(scope, self.name(), |spec| {
            let simulator = &mut spec["simulator"];
            simulator["rate"] = json!(rate);
            simulator["limit"] = json!(rate * seconds);
            simulator["faults"] = json!({
                "malformed": "1%", "duplicate": "0.5%", "late": "0.5%", "fastClock": "0.1%",
            });
            spec["outputs"]["lake"]["roll"] = json!({ "size": "1Mi", "every": "5s" });
            spec["processor"] = json!({ "replicas": replicas });
        })
    }

    /// Waits until all is sent and processed, and holds everything against the oracle and against what the
    /// simulator says. It may take so many seconds.
    ///
    /// # Panics
    /// When something is not as it has to be.
    pub async fn settle_and_compare(self, scope: &Scope, seconds: u64) {
        let name = self.name();
        let sent = until(&format!("{name}: all is sent"), secs(seconds), || async {
            let sent = sent(scope, name).await?;
            if sent.finished {
                Ok(sent)
            } else {
                Err(format!("{sent:?}"))
            }
        })
        .await;
        until(&format!("{name}: all has arrived"), secs(180), || async {
            self.has_arrived(scope, &sent).await
        })
        .await;
        let spec = scope.pipeline(name).await.spec;
        let read = async |topic: &str| {
            let (kafka, topic) = (scope.cluster.kafka.clone(), topic.to_owned());
            tokio::task::spawn_blocking(move || log::read(&kafka, &topic))
                .await
                .expect("no panic")
        };
        let topic = &spec.input.topic.name;
        let tables = schema(&scope.namespace);
        let own = format!("{tables}_oracle_{name}");
        let logs = [read(topic).await];
        let oracle = Oracle::load(&scope.cluster.postgres, &own, self.input(), &logs).await;
        assert_eq!(oracle.count().await, sent.readings(), "{name}: {sent:?}");
        self.assert_tables(&oracle, &tables).await;
        let outputs = &spec.outputs;
        if let Some(alerts) = &outputs.alerts {
            factory::assert_alerts(&oracle, topic, &read(&alerts.topic.name).await).await;
        }
        if let Some(enriched) = &outputs.enriched {
            oracle
                .assert_enriched(&read(&enriched.topic.name).await)
                .await;
        }
        let letters = read(&outputs.dead_letter.topic.name).await;
        oracle.assert_dead_letters(topic, &letters, None).await;
        let mut by_reason: BTreeMap<String, i64> = BTreeMap::new();
        for letter in &letters {
            let reason = letter.header("sensorstream-reason").unwrap_or_default();
            *by_reason.entry(reason.to_owned()).or_default() += 1;
        }
        assert_eq!(by_reason, sent.refused(), "{name}: {sent:?}");
        let (window, sliding) = self.window();
        let id = scope.id(name).to_string();
        oracle.assert_accounts(&id, window, sliding).await;
        oracle.assert_lake(&scope.lake(name)).await;
        println!(
            "{id}: {} readings, {} dead letters {:?}: all as the oracle says",
            sent.readings(),
            letters.len(),
            by_reason
        );
        oracle.drop().await;
    }

    /// Whether everything that was sent has been decided, and every dead letter sent.
    async fn has_arrived(self, scope: &Scope, sent: &Sent) -> Result<(), String> {
        let id = scope.id(self.name()).to_string();
        let row = sqlx::query(
            "SELECT coalesce(sum(accepted), 0)::bigint,
                    (SELECT count(*) FROM sensorstream.pending_dead_letters WHERE pipeline = $1)
               FROM sensorstream.shards WHERE pipeline = $1 AND stage = 1",
        )
        .bind(&id)
        .fetch_one(&scope.cluster.postgres)
        .await
        .map_err(|error| error.to_string())?;
        let (accepted, pending): (i64, i64) = (row.get(0), row.get(1));
        if accepted >= sent.readings() && pending == 0 {
            return Ok(());
        }
        let readings = sent.readings();
        Err(format!(
            "{accepted} readings of {readings}, {pending} dead letters pending"
        ))
    }
}

/// Owners and epochs of a pipeline's shards, in a fixed order.
///
/// # Panics
/// When the commit log can't be read.
pub async fn owners(scope: &Scope, name: &str) -> Vec<(i64, String)> {
    let query = "SELECT epoch, owner FROM sensorstream.shards
                  WHERE pipeline = $1 ORDER BY stage, partition";
    sqlx::query_as(query)
        .bind(scope.id(name).to_string())
        .fetch_all(&scope.cluster.postgres)
        .await
        .expect("the commit log is read")
}
