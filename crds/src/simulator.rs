//! The built-in producer: readings made to a recipe, with declared faults, so that what
//! arrives can be checked against what was sent.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    scalars::{Decimal, Percent},
    timeline::Timeline,
};

/// Makes readings and sends them to the input topic. The same seed makes the same readings,
/// but for their times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.limit) || !has(self.timeline) || has(self.timeline.live)").message("limit is for a live timeline: spread.readings, or backfill.over and backfill.every, say how many there are; remove limit").field_path(".limit"),
    validation = Rule::new("!has(self.finalize) || !self.finalize || (has(self.timeline) && (has(self.timeline.spread) || (has(self.timeline.backfill) && self.timeline.backfill.then == 'Stop')))").message("finalize is for a timeline that ends: choose spread, or backfill with then: Stop, or remove finalize").field_path(".finalize")
)]
pub struct Simulator {
    /// Readings a second, 0.1 to 200000; write a fraction in quotes.
    pub rate: Decimal,
    /// Seed of every random choice.
    #[serde(default = "default_seed")]
    #[schemars(range(min = 0, max = 4_294_967_295_i64))]
    pub seed: i64,
    /// Stop after this many readings (faulty ones counted, repetitions not). Endless when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    pub limit: Option<i64>,
    /// Which event times readings have. Live when left out. Of a spread and a backfill each reading is
    /// sent once, whatever restarts; with another timeline or seed the simulator begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// Whether a timeline that ends is followed by one more reading in each partition, late enough for
    /// every window of the readings before to close. It waits until that is no further ahead of the
    /// present than `eventTime.maxFutureSkew` allows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finalize: bool,
    /// How each field's values are made. Every required field needs one.
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub fields: Vec<FieldGenerator>,
    /// Shares of readings that are wrong on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<Faults>,
}

fn default_seed() -> i64 {
    42
}

/// How one field's values are made: exactly one of the members besides `name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.uniform), has(self.normal), has(self.randomWalk), has(self.choice), has(self.sequence), has(self.constant), has(self.now)].filter(x, x).size() == 1").message("a generator is exactly one of uniform, normal, randomWalk, choice, sequence, constant or now")
)]
pub struct FieldGenerator {
    /// The field of the input.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Any number in a range, all equally likely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uniform: Option<Uniform>,
    /// Numbers about a mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal: Option<Normal>,
    /// Each number a small step from the last one of the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_walk: Option<RandomWalk>,
    /// One of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// Identifiers in turn: prefix and number, over and over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
    /// Always the same value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant: Option<Constant>,
    /// The time of sending; for the event time, that of the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Now>,
}

/// Any number in a range, all equally likely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Uniform {
    /// The least value.
    pub minimum: Decimal,
    /// The greatest value.
    pub maximum: Decimal,
    /// Digits after the decimal point.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 9))]
    pub decimals: u8,
}

/// Numbers about a mean, by the normal distribution, kept within the bounds if given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Normal {
    /// The mean.
    pub mean: Decimal,
    /// The standard deviation.
    pub stddev: Decimal,
    /// The least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Decimal>,
    /// The greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Decimal>,
    /// Digits after the decimal point.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 9))]
    pub decimals: u8,
}

/// Each number a step from the last one of the same key, turned back at the bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RandomWalk {
    /// The first value.
    pub start: Decimal,
    /// The greatest change from one value to the next.
    pub step: Decimal,
    /// The least value.
    pub minimum: Decimal,
    /// The greatest value.
    pub maximum: Decimal,
    /// Digits after the decimal point.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 9))]
    pub decimals: u8,
}

fn two() -> u8 {
    2
}

/// One of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The values, each with its weight.
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["value".into()]))]
    pub values: Vec<WeightedValue>,
}

/// A value to choose and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightedValue {
    /// The value, as text; it is written as the field's type.
    #[schemars(length(max = 255))]
    pub value: String,
    /// Its weight against the others'.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

/// Identifiers in turn: `prefix` and a number padded with zeros to `width` digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sequence {
    /// Text before the number; must be empty for a field that is a number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub prefix: String,
    /// The first number.
    #[serde(default = "one_i64")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub start: i64,
    /// How many identifiers there are before the first comes again.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub count: i64,
    /// The least number of digits.
    #[serde(default = "one_u8")]
    #[schemars(range(min = 1, max = 12))]
    pub width: u8,
}

fn one_i64() -> i64 {
    1
}

fn one_u8() -> u8 {
    1
}

/// Always the same value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Constant {
    /// The value, as text; it is written as the field's type.
    #[schemars(length(max = 255))]
    pub value: String,
}

/// The time of sending; for the event time, that of the timeline. It has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Now {}

/// Shares of readings that are wrong on purpose. At most one applies to a reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Faults {
    /// Not JSON, a field missing, of the wrong type, out of its bounds, too long or a bad
    /// time, in turn, as far as the fields allow. Each goes to the dead letter topic.
    #[serde(default)]
    pub malformed: Percent,
    /// Taken earlier than `eventTime.maxDelay` allows.
    #[serde(default)]
    pub late: Percent,
    /// Sent twice. Each counts as a reading.
    #[serde(default)]
    pub duplicate: Percent,
    /// From a clock ahead by more than `eventTime.maxFutureSkew`. Each goes to the dead
    /// letter topic.
    #[serde(default)]
    pub fast_clock: Percent,
}
