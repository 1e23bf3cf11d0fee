//! What a test acts in: its own database, topics and pipeline, and ways to look at them.

mod audit;
mod gate;
mod kafka;
mod proxy;
mod readings;
mod running;
mod specs;
mod tables;

use std::{
    collections::BTreeMap,
    io::Write,
    panic::AssertUnwindSafe,
    process::{Command, Stdio},
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use futures::FutureExt;
use rdkafka::{
    admin::AdminOptions,
    consumer::{BaseConsumer, Consumer},
    groups::GroupInfo,
};
use sensorstream_broker::offsets::end_offsets;
use sensorstream_crds::{runtime::ProcessConfig, windows::Stage};
use sensorstream_ledger::{figures::ShardFigures, migrate};
use sensorstream_oracle::{Record, log};
use sensorstream_processor::{http::Server, process};
use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub use gate::Gate;
use kafka::{admin, kafka};
pub use proxy::Proxy;
pub use readings::{good, mixed};
pub use running::{Process, Running};
pub use specs::{Spec, example, readings};

/// How long anything a test waits for may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The schema of the pipeline's tables.
pub const SCHEMA: &str = "readings";
/// How many partitions a link topic has; not as many as the input.
pub const LINK_PARTITIONS: i32 = 2;

/// Runs a test in a world of its own, and removes the world whether the test passes or not.
pub fn scenario<F>(name: &str, partitions: i32, test: impl FnOnce(World) -> F)
where
    F: Future<Output = World>,
{
    scenario_of(readings, name, partitions, test);
}

/// Runs a test of a pipeline with this spec.
pub fn scenario_of<F>(
    spec: fn(&str) -> Spec,
    name: &str,
    partitions: i32,
    test: impl FnOnce(World) -> F,
) where
    F: Future<Output = World>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = Box::pin(World::new(spec, name, partitions)).await;
        let (database, topics) = (world.database.clone(), world.topics());
        let tested = async {
            let world = test(world).await;
            audit::assert_sound(&world.pool).await;
            world
        };
        let outcome = AssertUnwindSafe(tested).catch_unwind().await;
        match outcome {
            Ok(world) => world.pool.close().await,
            Err(panic) => {
                remove(&database, &topics).await;
                std::panic::resume_unwind(panic);
            }
        }
        remove(&database, &topics).await;
    });
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: start the cluster with `make cluster`, then `eval \"$(make -s env)\"`")
    })
}

async fn remove(database: &str, topics: &[String]) {
    let server = PgConnectOptions::from_str(&variable("DATABASE_URL")).unwrap();
    if let Ok(mut connection) = server.connect().await {
        let drop = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
        let _ = sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(&mut connection)
            .await;
    }
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    let _ = admin().delete_topics(&names, &AdminOptions::new()).await;
}

/// A test's surroundings.
pub struct World {
    /// What the role is configured with.
    pub config: ProcessConfig,
    /// The test's database.
    pub pool: PgPool,
    pub uri: String,
    /// The folder of the lake, if it is one.
    pub lake: TempDir,
    /// What processes have in their environment besides.
    pub variables: Vec<(String, String)>,
    database: String,
}

impl World {
    async fn new(spec: fn(&str) -> Spec, name: &str, partitions: i32) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let unique = format!("{name}-{}-{number}", std::process::id());
        let database = format!("test_{}", unique.replace('-', "_"));
        let server = PgConnectOptions::from_str(&variable("DATABASE_URL")).unwrap();
        let mut connection = server.connect().await.expect("PostgreSQL answers");
        let create = format!("CREATE DATABASE {database}");
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut connection)
            .await
            .unwrap();
        let pool = PgPool::connect_with(server.database(&database))
            .await
            .unwrap();
        migrate::migrate(&pool).await.unwrap();
        audit::begin(&pool).await;
        let mut uri = url::Url::parse(&variable("DATABASE_URL")).unwrap();
        uri.set_path(&database);
        let mut spec = spec(&format!("test.{unique}"));
        spec.input["topic"]["partitions"] = partitions.into();
        let lake = TempDir::new().unwrap();
        if let Some(settings) = spec.outputs.get_mut("lake") {
            settings["uri"] = format!("file://{}", lake.path().display()).into();
        }
        let config: ProcessConfig = serde_json::from_value(json!({
            "pipeline": { "namespace": "tests", "name": unique },
            "kafka": { "bootstrapServers": variable("KAFKA_BOOTSTRAP"), "tls": false },
            "schema": SCHEMA,
            "input": spec.input,
            "windows": spec.windows,
            "rules": spec.rules,
            "outputs": spec.outputs,
        }))
        .unwrap();
        tables::make(&config, &pool).await;
        let world = Self {
            config,
            pool,
            uri: uri.to_string(),
            lake,
            variables: Vec::new(),
            database,
        };
        for topic in world.topics() {
            let partitions = if topic == world.topic() {
                partitions
            } else if topic == world.config.pipeline.link_topic() {
                LINK_PARTITIONS
            } else {
                1
            };
            world.make_topic(&topic, partitions, &[]).await;
        }
        world
    }

    /// Every topic of the pipeline.
    fn topics(&self) -> Vec<String> {
        let outputs = &self.config.outputs;
        let enriched = outputs.enriched.as_ref().map(|e| e.topic.name.clone());
        let alerts = outputs.alerts.as_ref().map(|a| a.topic.name.clone());
        let link = self.is_linked().then(|| self.config.pipeline.link_topic());
        let all = [self.topic(), self.letters_topic()];
        let others = enriched.into_iter().chain(alerts).chain(link);
        all.into_iter().chain(others).collect()
    }

    /// Whether the pipeline has windows over several partitions.
    pub fn is_linked(&self) -> bool {
        let mut windows = self.config.windows.iter();
        windows.any(|window| window.stage(&self.config.input) == Stage::Second)
    }

    pub fn topic(&self) -> String {
        self.config.input.topic.name.clone()
    }

    pub fn letters_topic(&self) -> String {
        self.config.outputs.dead_letter.topic.name.clone()
    }

    /// Starts the role in this process.
    pub fn start(&self) -> Running {
        let told = CancellationToken::new();
        let server = Server::new(([127, 0, 0, 1], 0).into(), &self.config.pipeline);
        let (config, uri, stop) = (self.config.clone(), self.uri.clone(), told.clone());
        let task = tokio::spawn(async move { process::run_with(config, &uri, server, stop).await });
        Running { told, task }
    }

    /// Starts the role as a process of its own, in a pod that was not there before.
    pub fn spawn(&self) -> Process {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        self.spawn_in(&format!("pod-{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    /// Starts the role as a process of its own, in a pod. There must be no other one in that pod.
    pub fn spawn_in(&self, pod: &str) -> Process {
        let path = std::env::temp_dir().join(format!("{}-{pod}.json", self.database));
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(&serde_json::to_vec(&self.config).unwrap())
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_sensorstream-processor"))
            .args(["process", "--listen", "127.0.0.1:0", "--config"])
            .arg(&path)
            .env("DATABASE_URL", &self.uri)
            .env("RUST_LOG", "warn")
            .env("POD_NAME", pod)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary starts");
        Process {
            child,
            pod: pod.to_owned(),
            config: path,
        }
    }

    /// The offsets in the table, by partition, in order; a repetition shows.
    pub async fn rows(&self) -> Vec<(i32, i64)> {
        sqlx::query_as("SELECT _partition, _offset FROM readings.sensor_data ORDER BY 1, 2")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    pub async fn figures(&self) -> Vec<ShardFigures> {
        sensorstream_ledger::figures::all(&self.pool).await.unwrap()
    }

    /// Waits until every partition is decided up to its end, all dead letters are settled, and what goes
    /// to the second stage has been merged.
    pub async fn caught_up(&self) {
        let consumer: BaseConsumer = kafka().create().unwrap();
        let partitions = 0..self.config.input.topic.partitions;
        let ends = end_offsets(&consumer, &self.topic(), partitions, PATIENCE).unwrap();
        self.wait(
            "all records are decided and all dead letters sent",
            async |world| {
                let id = world.incarnation();
                let figures = world.figures().await;
                ends.iter().all(|(partition, end)| {
                    figures.iter().any(|shard| {
                        // The marker that ends a transaction may come after the end was asked for.
                        shard.incarnation == id
                            && shard.partition == *partition
                            && shard.next_offset >= *end
                            && shard.pending_dead_letters == 0
                            && (!shard.linked || shard.sent_below >= *end)
                    })
                })
            },
        )
        .await;
        if self.is_linked() {
            self.merged(&consumer).await;
        }
    }

    async fn merged(&self, consumer: &BaseConsumer) {
        let topic = self.config.pipeline.link_topic();
        self.wait("all of the link topic is merged", async |world| {
            let ends = end_offsets(consumer, &topic, 0..LINK_PARTITIONS, PATIENCE).unwrap();
            let figures = world.figures().await;
            ends.iter().all(|(partition, end)| {
                figures.iter().any(|shard| {
                    shard.topic == topic
                        && shard.partition == *partition
                        && shard.next_offset == *end
                })
            })
        })
        .await;
    }

    /// Kafka's id of the input topic.
    pub fn incarnation(&self) -> String {
        let consumer: BaseConsumer = kafka().create().unwrap();
        let topic = self.topic();
        sensorstream_broker::topics::describe(consumer.client(), &[&topic], PATIENCE)
            .unwrap()
            .remove(&topic)
            .map_or_else(String::new, |description| description.id)
    }

    /// Closes a gate before every commit that decides something.
    pub async fn close_gate(&self) -> Gate {
        Gate::close(&self.pool).await
    }

    /// The members of the consumer group, as Kafka calls them.
    pub fn members(&self) -> Vec<String> {
        let consumer: BaseConsumer = kafka().create().unwrap();
        let group = self.config.pipeline.consumer_group();
        let found = consumer.fetch_group_list(Some(&group), PATIENCE).unwrap();
        let members = found.groups().iter().flat_map(GroupInfo::members);
        members.map(|member| member.id().to_owned()).collect()
    }

    /// How many records and markers have been sent to the second stage; none if there is none.
    pub fn sent_over_link(&self) -> i64 {
        if !self.is_linked() {
            return 0;
        }
        let consumer: BaseConsumer = kafka().create().unwrap();
        let topic = self.config.pipeline.link_topic();
        let ends = end_offsets(&consumer, &topic, 0..LINK_PARTITIONS, PATIENCE).unwrap();
        ends.values().sum()
    }

    /// Waits until something is so.
    pub async fn wait(&self, what: &str, so: impl AsyncFn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(self).await {
            assert!(
                Instant::now() < deadline,
                "waited in vain: {what}\nshards: {:#?}",
                self.figures().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every record of the input topic.
    pub fn log(&self) -> Vec<Record> {
        self.read(&self.topic())
    }

    /// Every dead letter that a reader of committed records finds.
    pub fn letters(&self) -> Vec<Record> {
        self.read(&self.letters_topic())
    }

    /// Every record of a topic that a reader of committed records finds.
    pub fn read(&self, topic: &str) -> Vec<Record> {
        log::read(&self.config.kafka.bootstrap_servers, topic)
    }

    /// Asserts that each record accounted for is in the table or the dead letter topic, once, and
    /// that the shards' accounts say so too. Answers how many are in each.
    pub async fn assert_exactly_once(&self, sent: &BTreeMap<i32, i64>) -> (usize, usize) {
        let rows = self.rows().await;
        let letters = self.letters();
        let mut all: Vec<(i32, i64)> = rows
            .iter()
            .copied()
            .chain(letters.iter().map(Record::source))
            .collect();
        all.sort_unstable();
        let expected: Vec<(i32, i64)> = sent
            .iter()
            .flat_map(|(partition, count)| (0..*count).map(|offset| (*partition, offset)))
            .collect();
        assert!(
            all == expected,
            "{} rows, {} dead letters; missing {:?}; extra {:?}",
            rows.len(),
            letters.len(),
            missing(&expected, &all),
            missing(&all, &expected),
        );
        let figures = self.figures().await;
        for shard in &figures {
            let dead: i64 = shard.dead_lettered.values().sum();
            assert_eq!(shard.records_read, shard.accepted + dead, "{shard:?}");
            assert_eq!(
                Some(&shard.records_read),
                sent.get(&shard.partition),
                "{shard:?}"
            );
        }
        let accepted: i64 = figures.iter().map(|shard| shard.accepted).sum();
        assert_eq!(accepted, rows.len() as i64);
        (rows.len(), letters.len())
    }
}

/// What is in `of` more often than in `in_other`; both are sorted.
fn missing(of: &[(i32, i64)], in_other: &[(i32, i64)]) -> Vec<(i32, i64)> {
    let mut rest = in_other.to_vec();
    let mut gone = Vec::new();
    for item in of {
        match rest.binary_search(item) {
            Ok(index) => {
                rest.remove(index);
            }
            Err(_) => gone.push(*item),
        }
    }
    gone.truncate(20);
    gone
}
