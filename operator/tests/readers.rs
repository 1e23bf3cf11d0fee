//! Logins that read, by a real PostgreSQL, which `DATABASE_URL` names (of a user that may create databases and
//! roles). Every test has a database of its own, and a pipeline's login that is no superuser.

use std::{
    panic::AssertUnwindSafe,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use futures::FutureExt;
use sensorstream_crds::PipelineId;
use sensorstream_ledger::readers;
use sensorstream_operator::{
    backends::{
        BackendError, Backends, Database, DatabaseChange, DatabaseUri, LoginRole, Sought, TableName,
    },
    connections::Connections,
    metrics::Metrics,
    password::Password,
    plan::readers::{Admission, Dismissal, Login, readable},
};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgConnectOptions};

/// A database with tables of the pipeline and of another one.
struct World {
    connections: Connections,
    /// As the pipeline logs in.
    uri: DatabaseUri,
    owner: PgPool,
    options: PgConnectOptions,
    /// Also the name of the database.
    name: String,
}

async fn run(pool: &PgPool, sql: impl Into<String>) -> Result<(), sqlx::Error> {
    let query = sqlx::raw_sql(AssertSqlSafe(sql.into()));
    query.execute(pool).boxed().await.map(drop)
}

/// Runs a test whose pipeline's login has these rights.
async fn with_world(rights: &str, test: impl AsyncFnOnce(&World)) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("operator_test_{}_{number}", std::process::id());
    let uri = std::env::var("DATABASE_URL")
        .expect("DATABASE_URL is not set: `make cluster` starts a PostgreSQL, `make env` names it");
    let options = PgConnectOptions::from_str(&uri).unwrap();
    let admin = PgPool::connect_lazy_with(options.clone());
    for statement in [
        format!("CREATE ROLE {name} LOGIN {rights} PASSWORD '{name}'"),
        format!("CREATE DATABASE {name} OWNER {name}"),
    ] {
        run(&admin, statement).await.unwrap();
    }
    let mut uri = url::Url::parse(&uri).unwrap();
    uri.set_username(&name).unwrap();
    uri.set_password(Some(&name)).unwrap();
    uri.set_path(&name);
    let options = options.database(&name);
    let login = options.clone().username(&name).password(&name);
    let world = World {
        connections: Connections::new(Metrics::default().endpoint_up()),
        uri: DatabaseUri(uri.into()),
        owner: PgPool::connect_lazy_with(login),
        options,
        name: name.clone(),
    };
    let tested = Box::pin(async {
        let tables = "CREATE SCHEMA plant; CREATE TABLE plant.readings (x int); \
                      CREATE TABLE plant.of_others (x int); INSERT INTO plant.readings VALUES (7)";
        run(&world.owner, tables).await.unwrap();
        test(&world).await;
    });
    let outcome = AssertUnwindSafe(tested).catch_unwind().await;
    world.owner.close().await;
    for statement in [
        format!("DROP DATABASE {name} WITH (FORCE)"),
        format!("DROP ROLE IF EXISTS {name}_reader"),
        format!("DROP ROLE {name}"),
    ] {
        run(&admin, statement).await.unwrap();
    }
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

impl World {
    fn id(&self) -> PipelineId {
        PipelineId::new("plant", &self.name)
    }

    fn role(&self) -> String {
        format!("{}_reader", self.name)
    }

    fn sought(&self) -> Sought {
        let tables = vec![TableName {
            schema: "plant".into(),
            table: "readings".into(),
        }];
        let role = Some(self.role());
        Sought { tables, role }
    }

    async fn observe(&self) -> Database {
        let (id, sought) = (self.id(), self.sought());
        let observed = self.connections.database(&self.uri, &id, &sought).await;
        observed.unwrap()
    }

    async fn change(&self, change: DatabaseChange) -> Result<(), BackendError> {
        self.connections.change_database(&self.uri, &change).await
    }

    fn admission(&self, login: Login, reads: Vec<TableName>) -> Admission {
        Admission {
            pipeline: self.id(),
            role: self.role(),
            reads,
            login,
        }
    }

    /// Lets the role in with a new password.
    async fn admit(&self) -> Result<Password, BackendError> {
        let password = Password::random();
        let admission = self.admission(Login::New, readable(&self.sought().tables));
        self.change(DatabaseChange::Admit {
            admission,
            password: Some(password.clone()),
        })
        .await?;
        Ok(password)
    }

    fn as_reader(&self, password: &str) -> PgPool {
        let login = self.options.clone().username(&self.role());
        PgPool::connect_lazy_with(login.password(password))
    }

    async fn dismiss(&self) -> Result<(), BackendError> {
        let (pipeline, role) = (self.id(), self.role());
        let made = true;
        self.change(DatabaseChange::Dismiss(Dismissal {
            pipeline,
            role,
            made,
        }))
        .await
    }
}

#[tokio::test]
async fn a_login_comes_reads_what_it_may_and_goes() {
    with_world("CREATEROLE", async |world| {
        let before = world.observe().await;
        assert_eq!((before.role, before.makes_roles), (None, true));
        let password = world.admit().await.unwrap();
        let seen = world.observe().await;
        let intact = LoginRole {
            can_log_in: true,
            reads_only: true,
            ..LoginRole::default()
        };
        assert_eq!(seen.role, Some(intact));
        let digests: Vec<&str> = seen
            .readers
            .iter()
            .map(|r| r.login_digest.as_str())
            .collect();
        assert_eq!(digests, [password.digest()]);
        assert!(!seen.reported);

        let id = world.id();
        let status = json!({ "lag": 1 });
        world
            .connections
            .report_status(&world.uri, &id, &status)
            .await
            .unwrap();
        let reader = world.as_reader(password.text());
        run(&reader, "SELECT x FROM plant.readings").await.unwrap();
        let name = id.to_string();
        let reported = readers::status(&reader, &name).await.unwrap().unwrap();
        assert_eq!(reported.status, status);
        assert_eq!(readers::shards(&reader, &name).await.unwrap(), []);
        for refused in [
            "SELECT FROM plant.of_others",
            "SELECT FROM sensorstream.shards",
            "SET TRANSACTION READ WRITE; INSERT INTO plant.readings VALUES (1)",
            "SET TRANSACTION READ WRITE; CREATE TABLE plant.mine (x int)",
            "SET TRANSACTION READ WRITE; CREATE TABLE sensorstream.mine (x int)",
            "SET TRANSACTION READ WRITE; CREATE ROLE mine",
        ] {
            let error = run(&reader, refused).await.unwrap_err();
            let code = error
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code);
            assert_eq!(code.as_deref(), Some("42501"), "{refused}: {error}");
        }
        let writes = run(
            &world.as_reader(password.text()),
            "CREATE TEMP TABLE mine (x int)",
        )
        .await;
        let code = writes.unwrap_err();
        let code = code
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("25006"), "transactions read only");

        world.dismiss().await.unwrap();
        let after = world.observe().await;
        assert_eq!((after.role, after.readers.len()), (None, 0));
        // Once more, as after a crash.
        world.dismiss().await.unwrap();
        assert!(
            run(&world.as_reader(password.text()), "SELECT")
                .await
                .is_err()
        );
    })
    .await;
}

#[tokio::test]
async fn a_new_password_takes_the_place_of_the_former_one() {
    with_world("CREATEROLE", async |world| {
        let former = world.admit().await.unwrap();
        let password = world.admit().await.unwrap();
        assert_eq!(
            world.observe().await.readers[0].login_digest,
            password.digest()
        );
        run(
            &world.as_reader(password.text()),
            "SELECT x FROM plant.readings",
        )
        .await
        .unwrap();
        // A server that trusts everybody takes every password.
        let trusting = run(&world.as_reader("nonsense"), "SELECT").await.is_ok();
        assert_eq!(
            run(&world.as_reader(former.text()), "SELECT").await.is_ok(),
            trusting
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_yet_to_be_granted_shows_and_is_granted_alone() {
    with_world("CREATEROLE", async |world| {
        let password = world.admit().await.unwrap();
        run(&world.owner, "DROP TABLE plant.readings")
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
        let missing = world.observe().await.role.unwrap().unreadable;
        assert_eq!(missing, world.sought().tables);
        run(&world.owner, "CREATE TABLE plant.readings (x int)")
            .await
            .unwrap();
        let admission = world.admission(Login::Kept, missing);
        let kept = DatabaseChange::Admit {
            admission,
            password: None,
        };
        world.change(kept).await.unwrap();
        let seen = world.observe().await;
        assert_eq!(seen.role.unwrap().unreadable, []);
        assert_eq!(seen.readers[0].login_digest, password.digest());
    })
    .await;
}

#[tokio::test]
async fn without_createrole_the_database_refuses_and_says_so_beforehand() {
    with_world("", async |world| {
        assert!(!world.observe().await.makes_roles);
        let error = world.admit().await.unwrap_err();
        assert!(
            matches!(&error, BackendError::Refused { action, .. } if action.contains("_reader")),
            "{error}"
        );
        assert_eq!(world.observe().await.readers, []);
    })
    .await;
}

#[tokio::test]
async fn a_grant_that_the_database_only_warns_of_is_an_error() {
    with_world("CREATEROLE", async |world| {
        world.observe().await;
        let admin = PgPool::connect_lazy_with(world.options.clone());
        let name = &world.name;
        let given = format!(
            "CREATE TABLE plant.adopted (x int); GRANT SELECT ON plant.adopted TO {name}; \
             CREATE ROLE {name}_reader LOGIN"
        );
        run(&admin, given).await.unwrap();
        let adopted = TableName {
            schema: "plant".into(),
            table: "adopted".into(),
        };
        let admission = world.admission(Login::Given, vec![adopted]);
        let change = DatabaseChange::Admit {
            admission,
            password: None,
        };
        let error = world.change(change).await.unwrap_err().to_string();
        assert!(
            error.contains("GRANT SELECT ON \"plant\".\"adopted\""),
            "{error}"
        );
        assert_eq!(world.observe().await.readers, []);
    })
    .await;
}

#[tokio::test]
async fn a_role_that_may_do_more_shows() {
    with_world("CREATEROLE", async |world| {
        world.admit().await.unwrap();
        let admin = PgPool::connect_lazy_with(world.options.clone());
        run(&admin, format!("GRANT {} TO {}", world.name, world.role()))
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
        assert!(world.observe().await.role.unwrap().is_powerful);
    })
    .await;
}
