//! Topics and tables that somebody else makes between the look and the making.

use futures::{FutureExt, future::BoxFuture};
use sensorstream_crds::PipelineId;

use super::*;
use crate::{
    backends::{
        BackendError, Backends, Database, DatabaseChange, DatabaseUri, KafkaChange, KafkaLogin,
        Sought, TopicNames, Topics,
    },
    fixtures::with_every_output,
};

/// A world in which something of this name appears once it is claimed.
struct Late {
    world: fixtures::Shared,
    name: &'static str,
}

impl Late {
    fn appears(&self, name: &str) -> Result<(), BackendError> {
        if name == self.name {
            let thing = name.to_owned();
            return Err(BackendError::Appeared { thing });
        }
        Ok(())
    }

    /// Carries the plan for an empty world out, as far as that goes, and gives the names that
    /// the pipeline has claimed then.
    async fn claims_after_apply(&self) -> (Option<ApplyError>, Vec<String>) {
        let scenario = Scenario::new(|_| None);
        let observation = self.world.world().observe(&with_every_output());
        let valid = validate(&observation).unwrap();
        let plan = plan(&valid, &installation(), fixtures::now());
        let applied = in_time(apply(&scenario.context.kubernetes, self, &valid, &plan)).await;
        let world = self.world.world();
        let names = world.claims.iter().map(|claim| claim.name.clone());
        (applied.failure, names.collect())
    }
}

impl Backends for Late {
    fn topics<'a>(
        &'a self,
        login: &'a KafkaLogin,
        names: &'a TopicNames,
    ) -> BoxFuture<'a, Result<Topics, BackendError>> {
        self.world.topics(login, names)
    }

    fn database<'a>(
        &'a self,
        uri: &'a DatabaseUri,
        id: &'a PipelineId,
        sought: &'a Sought,
    ) -> BoxFuture<'a, Result<Database, BackendError>> {
        self.world.database(uri, id, sought)
    }

    fn report_status<'a>(
        &'a self,
        uri: &'a DatabaseUri,
        id: &'a PipelineId,
        status: &'a Value,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        self.world.report_status(uri, id, status)
    }

    fn change_kafka<'a>(
        &'a self,
        login: &'a KafkaLogin,
        change: &'a KafkaChange,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        async move {
            if let KafkaChange::Topic(change) = change {
                self.appears(change.topic())?;
            }
            self.world.change_kafka(login, change).await
        }
        .boxed()
    }

    fn change_database<'a>(
        &'a self,
        uri: &'a DatabaseUri,
        change: &'a DatabaseChange,
    ) -> BoxFuture<'a, Result<(), BackendError>> {
        async move {
            if let DatabaseChange::Migrate(migration) = change {
                self.appears(&migration.table.to_string())?;
            }
            self.world.change_database(uri, change).await
        }
        .boxed()
    }
}

#[tokio::test]
async fn somebody_elses_topic_is_not_claimed_as_made() {
    for name in ["sensor-data", "alerts"] {
        let world = fixtures::Shared::default();
        let (failure, claims) = Late { world, name }.claims_after_apply().await;
        assert!(
            matches!(
                failure,
                Some(ApplyError::Topics(BackendError::Appeared { .. }))
            ),
            "{failure:?}"
        );
        assert!(!claims.iter().any(|claim| claim == name), "{claims:?}");
        assert_eq!(claims.len(), 8, "{claims:?}");
    }
}

#[tokio::test]
async fn somebody_elses_table_is_not_claimed_as_made() {
    for name in ["environment.sensor_data", "environment.lately"] {
        let world = fixtures::Shared::default();
        let (failure, claims) = Late { world, name }.claims_after_apply().await;
        assert!(
            matches!(
                failure,
                Some(ApplyError::Tables(BackendError::Appeared { .. }))
            ),
            "{failure:?}"
        );
        assert!(!claims.iter().any(|claim| claim == name), "{claims:?}");
        assert_eq!(claims.len(), 8, "{claims:?}");
    }
}
