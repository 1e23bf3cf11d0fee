use serde_json::{Value, json};

use super::*;
use crate::{
    backends::DatabaseChange,
    fixtures::{
        Rights, World, environment, environment_with, now, planned, running, secret, settle,
    },
    observe::secrets::Contents,
    plan::{ObjectChange, Plan, kubernetes::Kind},
};
use sensorstream_crds::SensorPipeline;

const SECRET: &str = "environment-api-db";
const ROLE: &str = "sensorstream_api_default_environment_c1db29fc62";

/// The running example with this in place of its API, and what is planned for it then.
fn edited(world: &World, before: &SensorPipeline, api: &Value) -> (SensorPipeline, Plan) {
    let pipeline = SensorPipeline {
        metadata: before.metadata.clone(),
        ..environment_with(&json!({ "api": api }))
    };
    let plan = planned(world, &pipeline, now());
    (pipeline, plan)
}

fn own_login() -> Value {
    json!({ "postgres": { "secretKeyRef": { "name": "reader", "key": "uri" } } })
}

/// A world that has the Secret of [`own_login`].
fn with_own_login(mut world: World) -> World {
    let uri = b"postgres://grafana:hidden@db:5432/sensors".to_vec();
    let data = [("uri".to_owned(), uri)].into();
    let contents = Contents { data, ..secret() };
    world.secrets.insert("reader".into(), contents);
    world
}

fn shown(tables: &[TableName]) -> Vec<String> {
    tables.iter().map(ToString::to_string).collect()
}

fn makes_api(plan: &Plan) -> bool {
    plan.objects.iter().any(|change| {
        matches!(change, ObjectChange::Apply(object)
            if object.key.kind == Kind::Deployment && object.key.name == "environment-api")
    })
}

#[test]
fn the_first_plan_lets_a_new_login_in_and_the_next_one_starts_the_api() {
    let mut world = World::default();
    let mut pipeline = environment();
    let plan = planned(&world, &pipeline, now());
    let admission = plan.readers.admission.clone().unwrap();
    assert_eq!(
        (admission.role.as_str(), admission.login),
        (ROLE, Login::New)
    );
    assert_eq!(
        shown(&admission.reads),
        [
            "environment.sensor_data",
            "sensorstream.reader_shards",
            "sensorstream.reader_statuses"
        ]
    );
    assert!(!makes_api(&plan));
    world.take(&mut pipeline, &plan);
    let plan = planned(&world, &pipeline, now());
    assert_eq!(plan.readers, Readers::default());
    assert!(makes_api(&plan) && plan.objects.len() == 1);
    world.take(&mut pipeline, &plan);
    assert!(planned(&world, &pipeline, now()).is_empty());
}

#[test]
fn a_login_is_replaced_when_its_secret_and_the_database_are_not_of_one_mind() {
    let (world, pipeline) = running(environment());
    let login = |change: fn(&mut World)| {
        let mut world = world.clone();
        change(&mut world);
        let plan = planned(&world, &pipeline, now());
        let login = plan.readers.admission.as_ref().map(|a| a.login);
        // The pods that run go on until there is a new login.
        assert!(login.is_none() || plan.objects.is_empty(), "{plan:?}");
        settle(&mut world, &mut pipeline.clone());
        assert!(planned(&world, &pipeline, now()).is_empty());
        login
    };
    assert_eq!(login(|_| ()), None);
    let changes: [fn(&mut World); 6] = [
        |world| drop(world.secrets.remove(SECRET)),
        |world| drop(world.roles.remove(ROLE)),
        |world| world.readers.clear(),
        |world| world.readers[0].login_digest = "of another".into(),
        |world| world.roles.get_mut(ROLE).unwrap().live.can_log_in = false,
        |world| world.roles.get_mut(ROLE).unwrap().live.reads_only = false,
    ];
    for change in changes {
        assert_eq!(login(change), Some(Login::New));
    }
}

#[test]
fn the_secret_follows_the_pipelines_own() {
    let (mut world, pipeline) = running(environment());
    let uri = b"postgres://sensor:hidden@elsewhere:5432/sensors?sslmode=require".to_vec();
    let contents = Contents {
        data: [("uri".to_owned(), uri)].into(),
        ..secret()
    };
    world.secrets.insert("sensorstream-db".into(), contents);
    settle(&mut world, &mut pipeline.clone());
    let uri = String::from_utf8(world.secrets[SECRET].data["uri"].clone()).unwrap();
    assert!(uri.starts_with(&format!("postgres://{ROLE}:")), "{uri}");
    assert!(
        uri.ends_with("@elsewhere.default.svc:5432/sensors?sslmode=require"),
        "{uri}"
    );
    assert!(planned(&world, &pipeline, now()).is_empty());
}

#[test]
fn a_further_table_is_granted_without_a_new_password() {
    let (mut world, before) = running(environment());
    let secret = world.secrets[SECRET].clone();
    let mut pipeline = SensorPipeline {
        metadata: before.metadata,
        ..environment_with(&json!({ "windows": [{
            "name": "by_minute", "tumbling": { "size": "1m" },
            "aggregates": [{ "as": "readings", "count": {} }],
        }]}))
    };
    let admission = planned(&world, &pipeline, now()).readers.admission.unwrap();
    assert_eq!(admission.login, Login::Kept);
    assert_eq!(shown(&admission.reads), ["environment.by_minute"]);
    settle(&mut world, &mut pipeline);
    assert!(planned(&world, &pipeline, now()).is_empty());
    assert!(world.secrets[SECRET] == secret);
}

#[test]
fn without_the_right_to_make_roles_nothing_but_the_api_is_missing() {
    let world = World {
        rights: Rights::NoRoles,
        ..World::default()
    };
    let plan = planned(&world, &environment(), now());
    assert!(plan.readers.is_empty());
    let refusal = plan.readers.refusal.as_ref().unwrap();
    assert!(
        refusal.contains("CREATEROLE") && refusal.contains("spec.api.postgres"),
        "{refusal}"
    );
    assert!(!plan.migrations.is_empty() && !plan.topics.is_empty() && !plan.objects.is_empty());
    assert!(!makes_api(&plan));
    // One that has a login keeps it.
    let (mut world, pipeline) = running(environment());
    world.rights = Rights::NoRoles;
    let plan = planned(&world, &pipeline, now());
    assert!(plan.is_empty() && plan.readers.refusal.is_none());
}

#[test]
fn a_role_that_may_do_more_is_not_used() {
    let (mut world, pipeline) = running(environment());
    world.roles.get_mut(ROLE).unwrap().live.is_powerful = true;
    let plan = planned(&world, &pipeline, now());
    assert!(plan.is_empty());
    let refusal = plan.readers.refusal.unwrap();
    assert!(refusal.contains("DROP ROLE"), "{refusal}");
}

#[test]
fn a_login_that_was_there_before_is_let_in_as_it_is() {
    let mut world = with_own_login(World::default());
    let mut pipeline = environment_with(&json!({ "api": own_login() }));
    let plan = planned(&world, &pipeline, now());
    let refusal = plan.readers.refusal.clone().unwrap();
    assert!(
        refusal.contains("role grafana") && refusal.contains("CREATE ROLE"),
        "{refusal}"
    );
    assert!(plan.readers.is_empty() && !makes_api(&plan));

    world.roles.entry("grafana".into()).or_default();
    let refusal = planned(&world, &pipeline, now()).readers.refusal.unwrap();
    assert!(refusal.contains("can't log in"), "{refusal}");

    world.roles.get_mut("grafana").unwrap().live.can_log_in = true;
    world.rights = Rights::NoRoles;
    let plan = planned(&world, &pipeline, now());
    let admission = plan.readers.admission.as_ref().unwrap();
    assert_eq!(admission.login, Login::Given);
    assert!(makes_api(&plan), "nothing of its login is yet to be made");
    world.take(&mut pipeline, &plan);
    assert!(planned(&world, &pipeline, now()).is_empty());
    assert_eq!(world.readers[0].login_digest, "");
    assert!(!world.secrets.contains_key(SECRET));
}

#[test]
fn another_login_takes_the_place_of_the_one_that_was_made_and_back() {
    let (world, before) = running(environment());
    let mut world = with_own_login(world);
    world
        .roles
        .entry("grafana".into())
        .or_default()
        .live
        .can_log_in = true;
    let (mut pipeline, plan) = edited(&world, &before, &own_login());
    let dropped = Dismissal {
        pipeline: PipelineId::new("default", "environment"),
        role: ROLE.into(),
        made: true,
    };
    assert_eq!(plan.readers.dismissals, [dropped]);
    assert!(plan.readers.drops_secret);
    settle(&mut world, &mut pipeline);
    assert!(planned(&world, &pipeline, now()).is_empty());
    assert!(!world.roles.contains_key(ROLE) && !world.secrets.contains_key(SECRET));

    let (mut pipeline, plan) = edited(&world, &pipeline, &json!({}));
    assert_eq!(plan.readers.dismissals[0].role, "grafana");
    assert!(!plan.readers.dismissals[0].made && !plan.readers.drops_secret);
    settle(&mut world, &mut pipeline);
    assert!(planned(&world, &pipeline, now()).is_empty());
    assert!(world.roles.contains_key("grafana") && world.secrets.contains_key(SECRET));
}

#[test]
fn while_the_new_login_is_refused_the_former_one_stays() {
    let (world, before) = running(environment());
    let world = with_own_login(world);
    let (_, plan) = edited(&world, &before, &own_login());
    assert!(plan.readers.refusal.is_some() && plan.readers.is_empty());
}

#[test]
fn without_an_api_nobody_reads() {
    let (mut world, before) = running(environment());
    world
        .statuses
        .insert("default/environment".into(), json!({}));
    let (mut pipeline, plan) = edited(&world, &before, &Value::Null);
    assert!(plan.readers.forgets_status && plan.readers.drops_secret);
    world.take(&mut pipeline, &plan);
    assert!(planned(&world, &pipeline, now()).is_empty());
    assert_eq!((world.roles.len(), world.readers.len()), (0, 0));
    assert!(world.statuses.is_empty() && world.secrets.is_empty());
}

#[test]
fn a_crash_before_the_secret_is_repaired() {
    let mut world = World::default();
    let mut pipeline = environment();
    let plan = planned(&world, &pipeline, now());
    world.take(&mut pipeline, &plan);
    let admission = plan.readers.admission.unwrap();
    // The database has another password since, of which no Secret tells.
    let password = Some(crate::password::Password::random());
    world
        .change_database(&DatabaseChange::Admit {
            admission,
            password,
        })
        .unwrap();
    let again = planned(&world, &pipeline, now());
    assert!(again.readers.gives_password());
    settle(&mut world, &mut pipeline);
    assert!(planned(&world, &pipeline, now()).is_empty());
}
