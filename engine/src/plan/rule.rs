//! Rules.

use sensorstream_crds::{
    input::Input,
    rules::{Rule, Severity},
};
use sensorstream_expressions::Predicate;

use super::{Problem, digest::Digest, fields::Fields, micros, number_of};
use crate::key::KeyPlan;

/// A rule, ready to run.
#[derive(Debug)]
pub struct RulePlan {
    /// Its name.
    pub name: String,
    /// How bad it is that a reading satisfies it.
    pub severity: Severity,
    pub(crate) when: Predicate,
    pub(crate) limit: Option<Limit>,
}

/// How many alerts a sender may cause.
#[derive(Debug)]
pub(crate) struct Limit {
    /// So many…
    pub(crate) alerts: u32,
    /// … in each span of so many microseconds.
    pub(crate) per: i64,
    /// The number of the sender's key among the plan's.
    pub(crate) key: usize,
    /// What the state is kept under.
    pub(crate) digest: u64,
}

impl RulePlan {
    pub(super) fn compile(
        rule: &Rule,
        input: &Input,
        fields: &Fields,
        keys: &mut Vec<KeyPlan>,
    ) -> Result<Self, Problem> {
        let limit = rule
            .rate_limit
            .as_ref()
            .map(|limit| {
                let per = micros(&limit.per)?;
                if per == 0 {
                    return Err(Problem::NoLength);
                }
                let sender = fields.find(&input.key)?;
                let mut digest = Digest::default();
                digest
                    .text("rate limit")
                    .text(&rule.name)
                    .number(per)
                    .text(&input.key)
                    .text(&sender.1.to_string());
                Ok(Limit {
                    alerts: limit.alerts,
                    per,
                    key: number_of(
                        KeyPlan {
                            fields: vec![sender],
                        },
                        keys,
                    ),
                    digest: digest.get(),
                })
            })
            .transpose()?;
        Ok(Self {
            name: rule.name.clone(),
            severity: rule.severity,
            when: fields.condition(&rule.when)?,
            limit,
        })
    }
}
