//! Conditions on single readings that are worth an alert.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalars::Duration;

/// Sends an alert for every reading that satisfies a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The rule's name; alerts carry it.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Za-z][A-Za-z0-9_-]*$"))]
    pub name: String,
    /// The condition, as a CEL expression over the fields: `temperature_c > 85.0 || vibration_g > 0.5`.
    #[schemars(length(min = 1, max = 1024))]
    pub when: String,
    /// How bad it is; alerts carry it.
    #[serde(default)]
    pub severity: Severity,
    /// How many alerts a sender may cause. No limit when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
}

/// How bad it is that a reading satisfies a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look.
    #[default]
    Warning,
    /// Somebody has to act.
    Critical,
}

impl Severity {
    /// The severity as alerts carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// How many alerts of one rule a sender (a value of `input.key`) may cause in a span of event time. Those
/// beyond it are left out, and counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// So many.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub alerts: u32,
    /// In each span of this length.
    pub per: Duration,
}
