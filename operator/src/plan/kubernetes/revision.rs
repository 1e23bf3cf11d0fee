//! Which revision of the plan the processor runs. While pods of two are there, during a rollout, a shard that
//! the later one has taken up is not for the earlier one. The number is in the processor's document, so that it
//! moves together with the rest of it, and in the shards, so that it outlives the resource.

use sensorstream_crds::runtime::ProcessConfig;
use sensorstream_ledger::figures::ShardFigures;

use super::{Kind, config_map};
use crate::{backends::Database, observe::objects::ObjectKey, role::Role, validate::ValidPipeline};

/// The revision of a pipeline's plan, given what is live and what the shards have seen.
pub fn of(valid: &ValidPipeline<'_>, database: &Database) -> i64 {
    let observation = valid.observation;
    let key = ObjectKey {
        kind: Kind::ConfigMap,
        name: Role::Processor.object_name(&observation.id.name),
    };
    let live = observation.objects.live.get(&key);
    let live = live.and_then(|live| live["data"][config_map::KEY].as_str());
    // One that somebody spoiled is another plan.
    let live: Option<ProcessConfig> = live.and_then(|text| serde_json::from_str(text).ok());
    revision(&valid.configs.process, live.as_ref(), &database.shards)
}

/// The revision of a plan: the one that is live if that is the same plan, or else one that comes after all
/// there were.
fn revision(wanted: &ProcessConfig, live: Option<&ProcessConfig>, shards: &[ShardFigures]) -> i64 {
    let taken_up = shards.iter().map(|shard| shard.revision).max().unwrap_or(0);
    let current = live.map_or(0, |live| live.revision);
    let is_same = live.is_some_and(|live| {
        let revision = live.revision;
        let wanted = ProcessConfig {
            revision,
            ..wanted.clone()
        };
        *live == wanted
    });
    if is_same && current >= taken_up.max(1) {
        current
    } else {
        current.max(taken_up) + 1
    }
}

#[cfg(test)]
mod tests {
    use sensorstream_crds::runtime::RoleConfigs;

    use super::*;
    use crate::fixtures::{self, shard};

    fn config(revision: i64, schema: &str) -> ProcessConfig {
        let pipeline = fixtures::environment();
        let id = sensorstream_crds::runtime::id_of(&pipeline);
        ProcessConfig {
            revision,
            schema: schema.into(),
            ..RoleConfigs::of(&id, &pipeline.spec).process
        }
    }

    fn of_shard(revision: i64) -> Vec<ShardFigures> {
        vec![ShardFigures {
            revision,
            ..shard(0, 10)
        }]
    }

    #[test]
    fn the_same_plan_keeps_its_revision() {
        let live = config(3, "a");
        assert_eq!(revision(&config(0, "a"), Some(&live), &of_shard(3)), 3);
        assert_eq!(revision(&config(0, "a"), Some(&live), &[]), 3);
    }

    #[test]
    fn another_plan_comes_after_the_live_one() {
        let live = config(3, "a");
        assert_eq!(revision(&config(0, "b"), Some(&live), &of_shard(2)), 4);
        assert_eq!(revision(&config(0, "a"), None, &[]), 1);
    }

    #[test]
    fn what_shards_have_seen_outlives_the_resource() {
        assert_eq!(revision(&config(0, "a"), None, &of_shard(7)), 8);
        let made_anew = config(1, "a");
        assert_eq!(revision(&config(0, "a"), Some(&made_anew), &of_shard(7)), 8);
    }
}
