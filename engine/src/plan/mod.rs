//! What to compute, compiled from the spec once.

mod aggregate;
mod digest;
mod error;
mod fields;
mod rule;
mod window;

use sensorstream_crds::{input::Input, rules::Rule, scalars::Duration, windows::Window};

use crate::key::KeyPlan;
pub use error::{PlanError, Problem};
use fields::Fields;
pub(crate) use rule::Limit;
pub use rule::RulePlan;
pub use window::{ColumnRole, OutputColumn, WindowPlan};
pub(crate) use window::{Extent, Session};

/// What to compute for a shard: its windows and rules, ready to run.
#[derive(Debug)]
pub struct Plan {
    windows: Vec<WindowPlan>,
    rules: Vec<RulePlan>,
    keys: Vec<KeyPlan>,
    max_delay: i64,
}

impl Plan {
    /// Compiles windows and rules over the fields of an input.
    ///
    /// # Errors
    /// When one of them does not fit the fields. Admission refuses the same with more to say.
    pub fn compile(input: &Input, windows: &[Window], rules: &[Rule]) -> Result<Self, PlanError> {
        let fields = Fields::of(input);
        let mut keys = Vec::new();
        let windows = windows
            .iter()
            .map(|window| {
                WindowPlan::compile(window, window.stage(input), &fields, &mut keys)
                    .map_err(|problem| PlanError::Window(window.name.clone(), problem))
            })
            .collect::<Result<_, _>>()?;
        let rules = rules
            .iter()
            .map(|rule| {
                RulePlan::compile(rule, input, &fields, &mut keys)
                    .map_err(|problem| PlanError::Rule(rule.name.clone(), problem))
            })
            .collect::<Result<_, _>>()?;
        let max_delay = micros(&input.event_time.max_delay).map_err(PlanError::Input)?;
        Ok(Self {
            windows,
            rules,
            keys,
            max_delay,
        })
    }

    /// The windows, in the spec's order.
    pub fn windows(&self) -> &[WindowPlan] {
        &self.windows
    }

    /// The rules, in the spec's order.
    pub fn rules(&self) -> &[RulePlan] {
        &self.rules
    }

    /// Whether there are windows whose rows the second stage makes.
    pub fn is_linked(&self) -> bool {
        self.windows.iter().any(WindowPlan::is_linked)
    }

    /// Whether the first stage has nothing of a reading to remember: there is no window whose rows it
    /// makes and no rule with a rate limit.
    pub fn is_stateless(&self) -> bool {
        self.windows.iter().all(WindowPlan::is_linked)
            && self.rules.iter().all(|rule| rule.limit.is_none())
    }

    /// The keys that windows and rate limits group by, each once.
    pub(crate) fn keys(&self) -> &[KeyPlan] {
        &self.keys
    }

    /// How far the watermark trails the newest reading, in microseconds.
    pub(crate) fn max_delay(&self) -> i64 {
        self.max_delay
    }
}

/// The number of a key among the plan's keys.
fn number_of(key: KeyPlan, keys: &mut Vec<KeyPlan>) -> usize {
    keys.iter()
        .position(|known| *known == key)
        .unwrap_or_else(|| {
            keys.push(key);
            keys.len() - 1
        })
}

/// The length of a duration in microseconds.
fn micros(duration: &Duration) -> Result<i64, Problem> {
    duration
        .parse()
        .and_then(|length| i64::try_from(length.as_micros()).ok())
        .ok_or_else(|| Problem::Duration(duration.to_string()))
}

#[cfg(test)]
mod tests;
