//! The API's login, and what it is shown.

use super::*;
use crate::fixtures::Rights;

#[tokio::test]
async fn a_refused_login_keeps_nothing_but_the_api_from_running() {
    let world = World {
        rights: Rights::Nothing,
        ..World::default()
    };
    let scenario = Scenario::with(|_| None, world, 120);
    let error = scenario.reconcile(&environment()).await.unwrap_err();
    assert!(
        matches!(error, ReconcileError::Apply(ApplyError::Access(_))),
        "{error}"
    );
    let sent = scenario.sent();
    let made = |part| sent.iter().any(|r| r.is(&Method::PATCH, part));
    assert!(made("/deployments/environment-processor") && made("/services/environment-api"));
    assert!(!made("/deployments/environment-api") && !made("/secrets/"));
    let status = status_sent(&sent);
    assert_eq!(condition(status, "ApiReady")["reason"], "LoginRefused");
    assert_eq!(condition(status, "TablesReady")["reason"], "Missing");
    assert!(scenario.backends.world().tables.len() == 1);
}

#[tokio::test]
async fn a_status_that_the_database_lacks_is_written_there() {
    let scenario = Scenario::new(|_| None);
    let pipeline = scenario.settled().await;
    scenario.backends.world().statuses.clear();
    scenario.reconcile(&pipeline).await.unwrap();
    assert!(scenario.sent().is_empty());
    assert_eq!(scenario.backends.world().statuses.len(), 1);
}
