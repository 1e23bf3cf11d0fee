//! `sensorstream plan --diff` against a real cluster.

mod command;

use std::{env, fs};

use command::{Answer, run};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use sensorstream_crds::SensorPipeline;
use sensorstream_e2e::{
    pipeline::{environment, is_current},
    scope::Scope,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A scope, and a folder for the files that describe its pipelines.
struct Place {
    scope: Scope,
    folder: TempDir,
}

impl Place {
    async fn new(name: &str) -> Self {
        Self {
            scope: Scope::new(name).await,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A pipeline whose Kafka and PostgreSQL are reached from the host, too.
    fn reachable(&self, change: impl FnOnce(&mut Value)) -> SensorPipeline {
        environment(&self.scope, "planned", |spec| {
            spec["kafka"]["bootstrapServers"] = json!(self.scope.cluster.kafka);
            spec["postgres"]["secretKeyRef"] = json!({ "name": "from-host", "key": "uri" });
            spec["api"] = json!({});
            change(spec);
        })
    }

    async fn make_secret(&self) {
        let uri = env::var("DATABASE_URL").expect("the cluster's environment");
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some("from-host".into()),
                ..ObjectMeta::default()
            },
            data: Some([("uri".to_owned(), ByteString(uri.into_bytes()))].into()),
            ..Secret::default()
        };
        let api: Api<Secret> = self.scope.api();
        api.create(&PostParams::default(), &secret).await.unwrap();
    }

    /// What is planned for a pipeline.
    fn plan(&self, pipeline: &SensorPipeline, more: &[&str]) -> Answer {
        let path = self.folder.path().join("pipeline.yaml");
        fs::write(&path, serde_yaml_ng::to_string(pipeline).unwrap()).unwrap();
        let path = path.display().to_string();
        let namespace = &*self.scope.namespace;
        let mut arguments = vec![
            "plan",
            "-f",
            &path,
            "--diff",
            "--detailed-exitcode",
            "--namespace",
            namespace,
        ];
        arguments.extend(more);
        run(&arguments)
    }

    async fn apply(&self, pipeline: &SensorPipeline) {
        self.scope.apply(pipeline).await;
        self.scope
            .until_pipeline("planned", "ready as last applied", 120, |pipeline| {
                is_current(pipeline, "Ready", "True")
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_applying_then_does() {
    let place = Place::new("plan").await;
    let pipeline = place.reachable(|_| {});

    // Nothing is there yet, not even the Secret.
    let answer = place.plan(&pipeline, &[]);
    assert_eq!(answer.status, 2, "{answer:?}");
    assert!(
        answer.stdout.contains("there is no Secret from-host"),
        "{}",
        answer.stdout
    );

    place.make_secret().await;
    let answer = place.plan(&pipeline, &[]);
    assert_eq!(answer.status, 2, "{answer:?}");
    for expected in [
        "+ SensorPipeline planned",
        "+ Deployment planned-processor",
        "+ Secret planned-api-db",
        "CREATE TABLE",
        "1 table and 1 role to add.",
        "the image is the one of the operator in namespace sensorstream-system",
    ] {
        assert!(
            answer.stdout.contains(expected),
            "{expected}:\n{}",
            answer.stdout
        );
    }
    assert!(
        !answer.stdout.contains("not looked at"),
        "{}",
        answer.stdout
    );

    // Then it is applied, and nothing is left to do.
    place.apply(&pipeline).await;
    let answer = place.plan(&pipeline, &[]);
    assert_eq!(answer.status, 0, "{answer:?}");
    assert!(
        answer
            .stdout
            .ends_with("No changes. What is there is what is wanted.\n"),
        "{}",
        answer.stdout
    );

    // An edit, as the operator would carry it out.
    let minutes = json!([{
        "name": "minutes", "tumbling": { "size": "1m" }, "groupBy": ["sensor_id"],
        "aggregates": [{ "as": "readings", "count": {} }],
    }]);
    let edited = place.reachable(|spec| {
        spec["processor"] = json!({ "replicas": 2 });
        spec["windows"] = minutes;
        spec["input"]["topic"]["partitions"] = json!(2);
    });
    let answer = place.plan(&edited, &[]);
    assert_eq!(answer.status, 2, "{answer:?}");
    for expected in [
        "~ SensorPipeline planned",
        "~ Deployment planned-processor",
        "-   replicas: 1",
        "+   replicas: 2",
        "2 partitions",
        "CREATE TABLE",
        ".minutes",
        "GRANT SELECT ON",
        "1 table to add, ",
    ] {
        assert!(
            answer.stdout.contains(expected),
            "{expected}:\n{}",
            answer.stdout
        );
    }
    assert!(
        !answer.stdout.contains("managedFields"),
        "{}",
        answer.stdout
    );
    let secret = env::var("DATABASE_URL").unwrap();
    let password = secret.split(['@', ':']).nth(2).unwrap();
    assert!(!answer.stdout.contains(password), "a password is shown");
    let json = place.plan(&edited, &["--output", "json"]);
    assert!(!json.stdout.contains(password), "a password is shown");
    let said: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(said["changed"], true);

    // Applied, that comes to nothing again.
    place.apply(&edited).await;
    let answer = place.plan(&edited, &[]);
    assert_eq!(answer.status, 0, "{answer:?}");

    // What loses data is refused where it is written.
    let other = place.reachable(|spec| spec["input"]["key"] = json!("humidity"));
    let answer = place.plan(&other, &[]);
    assert_eq!(answer.status, 1, "{answer:?}");
    assert!(
        answer.stderr.contains("key can't be changed in place"),
        "{}",
        answer.stderr
    );
    assert!(answer.stderr.contains("key: humidity"), "{}", answer.stderr);

    // And what only goes is said to stay.
    let without = place.reachable(|spec| {
        spec["input"]["topic"]["partitions"] = json!(2);
        spec["api"] = Value::Null;
    });
    let answer = place.plan(&without, &[]);
    assert_eq!(answer.status, 2, "{answer:?}");
    for expected in [
        "- Deployment planned-api",
        "- Secret planned-api-db",
        "DROP ROLE",
        ".minutes stays, and is written no more",
    ] {
        assert!(
            answer.stdout.contains(expected),
            "{expected}:\n{}",
            answer.stdout
        );
    }
    place.scope.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_answer_from_here_is_compared_with_what_is_declared() {
    let place = Place::new("blind").await;
    // Reached from pods only.
    let pipeline = |change: &dyn Fn(&mut Value)| {
        environment(&place.scope, "planned", |spec| {
            spec["state"] = json!("Paused");
            change(spec);
        })
    };
    place.scope.apply(&pipeline(&|_| {})).await;
    place
        .scope
        .until_pipeline("planned", "paused", 120, |pipeline| {
            is_current(pipeline, "Stopped", "True")
        })
        .await;
    let answer = place.plan(&pipeline(&|_| {}), &[]);
    assert_eq!(answer.status, 0, "{answer:?}");
    assert!(
        answer.stdout.contains(
            "topics were not looked at, but compared with what the resource in the cluster declares"
        ),
        "{}",
        answer.stdout
    );
    assert!(
        answer
            .stdout
            .contains("tables and roles were not looked at"),
        "{}",
        answer.stdout
    );
    let wider = pipeline(&|spec| {
        let fields = spec["input"]["fields"].as_array_mut().unwrap();
        fields.push(json!({ "name": "battery", "type": "double", "required": false }));
        spec["outputs"]["enriched"] = json!({ "topic": { "name": "enriched" } });
    });
    let answer = place.plan(&wider, &[]);
    assert_eq!(answer.status, 2, "{answer:?}");
    assert!(
        answer
            .stdout
            .contains("ADD COLUMN \"battery\" double precision;"),
        "{}",
        answer.stdout
    );
    assert!(
        answer.stdout.contains("+ enriched  1 partition"),
        "{}",
        answer.stdout
    );
    place.scope.close().await;
}
