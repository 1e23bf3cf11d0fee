//! What to answer to an `AdmissionReview`: pure, from the request alone.
//!
//! The API server has run the schema and its CEL rules by then; here come the rules they can't
//! express. An object that is being deleted, or whose spec stays as it is, is let through
//! whatever it holds: finalizers must go, and rules that a newer operator brings must not lock
//! what exists already.

use kube::{
    ResourceExt,
    core::{
        DynamicObject,
        admission::{AdmissionRequest, AdmissionResponse, AdmissionReview, Operation},
        response::{Status, StatusCause, StatusDetails, StatusSummary},
    },
};
use sensorstream_crds::{
    SensorPipeline,
    admission::{Violation, semantic_violations},
};

/// The answer to the body of a request.
pub(super) fn answer(body: &[u8]) -> AdmissionReview<DynamicObject> {
    let review = serde_json::from_slice::<AdmissionReview<DynamicObject>>(body);
    let request: AdmissionRequest<DynamicObject> = match review {
        Ok(review) => match review.try_into() {
            Ok(request) => request,
            Err(error) => return AdmissionResponse::invalid(error).into_review(),
        },
        Err(error) => return AdmissionResponse::invalid(error).into_review(),
    };
    let mut response = AdmissionResponse::from(&request);
    let found = violations(&request);
    if !found.is_empty() {
        response.allowed = false;
        response.result = refusal(&request, &found);
    }
    response.into_review()
}

/// Everything wrong with what is asked for.
fn violations(request: &AdmissionRequest<DynamicObject>) -> Vec<Violation> {
    let (Operation::Create | Operation::Update, None, Some(object)) =
        (&request.operation, &request.sub_resource, &request.object)
    else {
        return Vec::new();
    };
    let unchanged = |old: &DynamicObject| old.data.get("spec") == object.data.get("spec");
    if object.metadata.deletion_timestamp.is_some()
        || request.old_object.as_ref().is_some_and(unchanged)
    {
        return Vec::new();
    }
    let whole = serde_json::to_value(object).and_then(serde_json::from_value::<SensorPipeline>);
    match whole {
        Ok(pipeline) => semantic_violations(&pipeline),
        Err(error) => {
            let message = format!("does not have the form of a SensorPipeline: {error}");
            vec![Violation {
                path: "spec".into(),
                message,
            }]
        }
    }
}

/// The same shape that the API server gives to violations of the schema, so that `kubectl`
/// prints both alike.
fn refusal(request: &AdmissionRequest<DynamicObject>, violations: &[Violation]) -> Status {
    let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
    let name = match request.object.as_ref().map(ResourceExt::name_any) {
        Some(name) if !name.is_empty() => name,
        _ => request.name.clone(),
    };
    let cause = |violation: &Violation| StatusCause {
        reason: "FieldValueInvalid".into(),
        message: violation.message.clone(),
        field: violation.path.clone(),
    };
    Status {
        status: Some(StatusSummary::Failure),
        code: 422,
        reason: "Invalid".into(),
        message: lines.join("; "),
        details: Some(StatusDetails {
            name,
            group: request.kind.group.clone(),
            kind: request.kind.kind.clone(),
            uid: String::new(),
            causes: violations.iter().map(cause).collect(),
            retry_after_seconds: 0,
        }),
        ..Status::default()
    }
}

#[cfg(test)]
mod tests;
