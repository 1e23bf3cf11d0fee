//! Whether a resource may be applied, decided as the API server and the webhook decide it:
//! the schema, the CEL rules in it, and the rules that neither can express.
//!
//! ```text
//! object ─► structure (schema) ─► metadata ─► rules (CEL, from the generated CRD) ─► semantics (Rust)
//! ```
//! Schema and CEL come from the CRD itself, so that no rule is written twice.

mod metadata;
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
    let mut new = normalised(&typed);
    found.extend(metadata::violations(object));
    if found
        .iter()
        .any(|violation| violation.path == metadata::NAME)
    {
        // What rules say of a name that is none helps nobody.
        new["metadata"]["name"] = "unnamed".into();
    }
    // As the API server does, rules about changes see the old entry of the same key.
    let old = old
        .as_ref()
        .map(|old| structure::aligned(&schema, &new, &normalised(old)));
    if let Err(errors) = cel::Validator::new().validate(&schema, &new, old.as_ref()) {
        let errors = errors.as_slice().iter();
        found.extend(errors.map(|error| Violation::new(path_of(error), error.message.clone())));
    }
    found.extend(semantics::violations(&typed));
    found
}

/// Where the API server says that a rule is broken; those of the whole resource are about its name.
fn path_of(error: &cel::ValidationError) -> String {
    match error.field_path.trim_start_matches('.') {
        "" => metadata::NAME.to_owned(),
        path => path.to_owned(),
    }
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
