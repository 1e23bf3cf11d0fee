//! Whether a resource may be applied, decided as the API server and the webhook decide it:
//! the schema, the CEL rules in it, and the rules that neither can express.
//!
//! ```text
//! object ─► structure (schema) ─► rules (CEL, from the generated CRD) ─► semantics (Rust)
//! ```
//! The first two come from the CRD itself, so that no rule is written twice.

#[cfg(any(test, feature = "refusals"))]
pub mod refusals;
mod semantics;
mod structure;

use std::fmt;

use kube::{CustomResourceExt, core::cel};
use serde_json::Value;

use crate::pipeline::SensorPipeline;

/// One thing wrong with a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The path of the offending field, such as `spec.input.key`.
    pub path: String,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl Violation {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Everything wrong with `object`, a whole resource as JSON, given the one it replaces if any.
/// The defaults of the schema are taken as applied.
///
/// Rules about changes see the entry at the same place of the old list, while the API server goes by the
/// keys of lists that are maps.
///
/// # Panics
/// Never: what was read from JSON can be written as JSON.
pub fn violations(object: &Value, old: Option<&Value>) -> Vec<Violation> {
    let schema = openapi_schema();
    let mut found = structure::violations(&schema, object);
    if !found.is_empty() {
        // Rules and types assume the structure, as they do in the API server.
        return found;
    }
    // Filling in the defaults is what deserializing and serializing again does.
    let typed: SensorPipeline = match serde_json::from_value(object.clone()) {
        Ok(typed) => typed,
        Err(error) => return vec![Violation::new("spec", error.to_string())],
    };
    let normalised = |pipeline: &SensorPipeline| {
        serde_json::to_value(pipeline).expect("a resource is representable as JSON")
    };
    let old: Option<SensorPipeline> = old.and_then(|old| serde_json::from_value(old.clone()).ok());
    let old_value = old.as_ref().map(&normalised);
    if let Err(errors) =
        cel::Validator::new().validate(&schema, &normalised(&typed), old_value.as_ref())
    {
        found.extend(
            errors
                .as_slice()
                .iter()
                .map(|e| Violation::new(e.field_path.clone(), e.message.clone())),
        );
    }
    found.extend(semantics::violations(&typed));
    found
}

/// What the schema and CEL can't see: the part of the rules that the webhook runs.
pub fn semantic_violations(pipeline: &SensorPipeline) -> Vec<Violation> {
    semantics::violations(pipeline)
}

/// The schema of the served version, as it stands in the CRD.
///
/// # Panics
/// Never: the CRD has a version with a schema.
pub fn openapi_schema() -> Value {
    let crd = SensorPipeline::crd();
    let schema = crd.spec.versions[0]
        .schema
        .as_ref()
        .expect("the CRD has a schema");
    serde_json::to_value(&schema.open_api_v3_schema).expect("a schema is representable as JSON")
}

#[cfg(test)]
mod tests;
