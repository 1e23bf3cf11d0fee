//! Which event times the simulator's readings have: as time goes by, or a past that is made up.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalars::Duration;

/// Which event times readings have: exactly one of live, spread and backfill.
///
/// Of a spread and a backfill each reading is sent once: a simulator that restarts goes on where it
/// stopped, and one that is done stays done. It begins anew when the timeline or the seed is another one,
/// when the topic was deleted and made again, and when it was away for longer than the brokers keep a
/// group's offsets (`offsets.retention.minutes`, seven days by default).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.live), has(self.spread), has(self.backfill)].filter(x, x).size() == 1").message("a timeline is exactly one of live, spread or backfill")
)]
pub struct Timeline {
    /// Readings are taken when they are sent. A simulator that restarts starts its sequence over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// So many readings, taken evenly over a span of time that ends when the simulator starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// A reading every so often, from a time in the past on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill: Option<Backfill>,
}

/// Readings are taken when they are sent. It has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Live {}

/// So many readings, taken evenly over a span of time that ends when the simulator starts. They are sent at
/// the simulator's rate, in the order in which they were taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// How long the span is, 1s to 3650d.
    pub over: Duration,
    /// How many readings there are (faulty ones counted, repetitions not).
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub readings: i64,
}

/// A reading every so often, from a time in the past on. They are sent at the simulator's rate until they
/// have caught up with the present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backfill {
    /// How long before the simulator starts the first reading is taken, 1s to 3650d.
    pub over: Duration,
    /// How long after one reading the next one is taken, 1ms to 1d.
    pub every: Duration,
    /// What comes after the past.
    #[serde(default)]
    pub then: Then,
}

/// What comes after a past that was made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Then {
    /// The present: readings go on, as often, and none is sent before it is taken. A time when the
    /// simulator did not run is made up for.
    #[default]
    Live,
    /// Nothing: the last reading is the last one before the simulator started.
    Stop,
}
