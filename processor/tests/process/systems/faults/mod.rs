//! What may go wrong, each once, for every system: whatever it is, all is as the oracle says.

use rand::{SeedableRng, rngs::StdRng};

use super::{PARTITIONS, System, clickstream::Clickstream, factory::Factory, traffic::Traffic};
use crate::world::{World, scenario_of};

mod answers;
mod lake;
mod owners;
mod topic;

/// Every fault, as tests of a system.
macro_rules! faults {
    ($module:ident: $system:ty) => {
        mod $module {
            use super::*;

            #[test]
            fn none() {
                owners::none::<$system>();
            }

            #[test]
            fn one_killed_at_random_moments() {
                owners::killed::<$system>(1);
            }

            #[test]
            fn two_killed_at_random_moments() {
                owners::killed::<$system>(2);
            }

            #[test]
            fn three_killed_at_random_moments() {
                owners::killed::<$system>(3);
            }

            #[test]
            fn shards_that_move_while_busy() {
                owners::moved::<$system>();
            }

            #[test]
            fn an_owner_that_sleeps_and_wakes() {
                owners::slept::<$system>();
            }

            #[test]
            fn an_owner_that_dies_before_its_first_commit() {
                owners::died_early::<$system>();
            }

            #[test]
            fn answers_to_commits_that_get_lost() {
                answers::lost::<$system>();
            }

            #[test]
            fn an_s3_server_that_goes_and_comes_back() {
                lake::away::<$system>();
            }

            #[test]
            fn records_that_expired_unread() {
                topic::expired::<$system>();
            }

            #[test]
            fn records_that_expired_after_they_were_read() {
                topic::expired_later::<$system>();
            }

            #[test]
            fn a_topic_made_anew() {
                topic::made_anew::<$system>();
            }
        }
    };
}

faults!(factory: Factory);
faults!(clickstream: Clickstream);

/// Whether the tests run at full length.
fn torture() -> bool {
    std::env::var_os("SENSORSTREAM_TORTURE").is_some()
}

/// A system at work.
struct Scene<S> {
    world: World,
    traffic: Traffic<S>,
    chance: StdRng,
}

/// Runs a test of a system under a fault.
fn scene<S: System>(fault: &str, test: impl AsyncFnOnce(&mut Scene<S>)) {
    let name = format!("{}-{fault}", S::NAME);
    let seed = fault.bytes().map(u64::from).sum();
    scenario_of(S::spec, &name, PARTITIONS, async |world| {
        let mut scene = Scene {
            world,
            traffic: Traffic::new(seed),
            chance: StdRng::seed_from_u64(seed),
        };
        test(&mut scene).await;
        scene.world
    });
}

impl<S: System> Scene<S> {
    /// Sends the next records.
    fn send(&mut self, count: usize) {
        self.traffic.send(&self.world, count);
    }

    /// The epoch of every shard.
    async fn epochs(&self) -> Vec<i64> {
        let sql = "SELECT epoch FROM sensorstream.shards ORDER BY stage, incarnation, partition";
        sqlx::query_scalar(sql)
            .fetch_all(&self.world.pool)
            .await
            .unwrap()
    }

    /// Waits until every partition of the input has been read from.
    async fn until_busy(&self) {
        self.world
            .wait("all shards are busy", async |world| {
                let figures = world.figures().await;
                let busy = figures.iter().filter(|shard| shard.records_read > 0);
                busy.filter(|shard| shard.topic == world.topic()).count() == PARTITIONS as usize
            })
            .await;
    }
}
