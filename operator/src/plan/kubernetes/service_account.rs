//! The identity of a pipeline's pods. They do not talk to the API server, so it carries no
//! token.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::Site;

/// The pipeline's `ServiceAccount`.
pub fn service_account(site: &Site<'_>) -> ServiceAccount {
    ServiceAccount {
        metadata: site.metadata(site.name().to_owned(), None),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
