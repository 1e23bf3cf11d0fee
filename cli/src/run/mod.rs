//! `sensorstream run`: a pipeline on this machine.
//!
//! ```text
//! file ─► local ─┐         ┌─► caretaker: observe ─► validate ─► plan ─► apply ─► status ─┐
//! home ─► PostgreSQL ─► session ◄────────────── which roles should run, figures ◄─────────┘
//! home ─► Kafka ─┘         └─► roles: simulator or feed, processor, API      └─► show
//! ```

mod arguments;
mod caretaker;
mod dashboard;
mod feed;
mod home;
mod kafka;
mod local;
mod logs;
mod newest;
mod postgres;
mod progress;
mod roles;
mod session;
mod show;
mod signals;

use std::{
    io,
    net::SocketAddr,
    process::ExitCode,
    time::{Duration, Instant},
};

use sensorstream_crds::{SensorPipeline, runtime::id_of};
use sensorstream_ledger::connect;
use sqlx::PgPool;

use crate::source::{OneError, SourceError, one};
use arguments::ArgumentError;
pub use arguments::Arguments;
use caretaker::Caretaker;
use feed::{Feed, FeedError};
use home::{Home, HomeError};
use kafka::Kafka;
use local::Place;
use newest::Tables;
use postgres::{Postgres, PostgresError};
use roles::{Roles, Surroundings};
use session::{Session, SessionError};
use show::{Facts, Show};
use signals::Signals;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What is in it makes no sense.
    #[error("{0} can't be run:\n{1}")]
    Invalid(String, String),
    /// The options do not suit it.
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The log file.
    #[error(transparent)]
    Log(#[from] logs::LogError),
    /// The input file.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The database.
    #[error("starting PostgreSQL")]
    Postgres(#[from] PostgresError),
    /// The database that was named.
    #[error("using --database-url")]
    Database(#[from] connect::ConnectError),
    /// The broker.
    #[error("starting the broker")]
    Kafka(#[from] sensorstream_local_broker::StartError),
    /// The terminal.
    #[error("using the terminal")]
    Terminal(#[source] io::Error),
    /// Signals can't be heard.
    #[error("listening to signals")]
    Signals(#[source] io::Error),
    /// It ran, and went wrong.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Runs it.
pub async fn run(arguments: Arguments) -> Result<ExitCode, RunError> {
    let started = Instant::now();
    let signals = Signals::listen().map_err(RunError::Signals)?;
    arguments.check_inputs()?;
    let mut pipeline = load(&arguments)?;
    arguments.check(&pipeline.spec)?;
    let feed = arguments.input.as_deref().map(Feed::open).transpose()?;
    let warnings = logs::start(arguments.log.as_deref())?;
    let home = Home::open(arguments.data.as_deref())?;
    let database = async {
        Ok::<_, RunError>(match &arguments.database_url {
            Some(_) => None,
            None => Some(Postgres::start(&home).await?),
        })
    };
    let broker = async { Ok(Kafka::start(arguments.bootstrap_servers.clone()).await?) };
    let (postgres, kafka) = tokio::try_join!(database, broker)?;
    let uri = match (&postgres, &arguments.database_url) {
        (Some(postgres), _) => postgres.uri.clone(),
        (None, uri) => uri.clone().unwrap_or_default(),
    };
    let place = Place {
        bootstrap_servers: kafka.bootstrap_servers(),
        own_broker: kafka.is_own(),
        lake: home.folder("lake")?.display().to_string(),
        fed: feed.is_some(),
        patient: arguments.until_drained,
    };
    let notes = local::fit(&mut pipeline, &place);
    let api = arguments.api();
    let facts = facts(
        &pipeline,
        &kafka,
        postgres.as_ref(),
        feed.as_ref(),
        api,
        notes,
    );
    let options = connect::options(&uri, local::NAMESPACE, "sensorstream-run")?;
    let pool = connect::pool(options, 2);
    let session = Session {
        tables: Tables::of(pool.clone(), &id_of(&pipeline), &pipeline.spec),
        alerts_before: std::collections::BTreeMap::new(),
        caretaker: Caretaker::new(pipeline, &uri),
        roles: Roles::default(),
        around: Surroundings {
            database: uri,
            api,
            dashboard: dashboard::unpack(&home)?,
            feed,
        },
        show: Show::new(arguments.output, facts).map_err(RunError::Terminal)?,
        warnings,
        duration: arguments.duration,
        until_drained: arguments.until_drained,
        kept: kept(&arguments, &home),
        started,
        signals,
    };
    let ended = Box::pin(session.run()).await;
    stop(pool, postgres, kafka).await;
    Ok(ended?)
}

async fn stop(pool: PgPool, postgres: Option<Postgres>, kafka: Kafka) {
    // Whoever holds a connection still has been given up.
    let _ = tokio::time::timeout(Duration::from_secs(1), pool.close()).await;
    if let Some(postgres) = postgres {
        postgres.stop().await;
    }
    kafka.stop().await;
}

/// The pipeline that is to run.
fn load(arguments: &Arguments) -> Result<SensorPipeline, RunError> {
    let name = arguments.pipeline.as_deref();
    one(arguments.file.clone(), name, &arguments.set).map_err(|error| {
        let file = arguments.file.display().to_string();
        let refused = |name, why| RunError::Invalid(name, format!("  {why}"));
        match error {
            OneError::Source(error) => RunError::Source(error),
            OneError::Wrong(name, problems) => {
                let lines: Vec<String> = problems
                    .iter()
                    .map(|problem| format!("  {}", problem.in_text(&name)))
                    .collect();
                RunError::Invalid(name, lines.join("\n"))
            }
            OneError::Set(name, error) => refused(name, error.to_string()),
            OneError::None => refused(file, "there is no SensorPipeline in it".to_owned()),
            OneError::Several(names) => {
                let names = names.join(", ");
                let why = format!("there are several; name one by --pipeline: {names}");
                refused(file, why)
            }
        }
    })
}

fn facts(
    pipeline: &SensorPipeline,
    kafka: &Kafka,
    postgres: Option<&Postgres>,
    feed: Option<&Feed>,
    api: SocketAddr,
    notes: Vec<String>,
) -> Facts {
    let mut shown = api;
    if shown.ip().is_unspecified() {
        shown.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    Facts {
        pipeline: id_of(pipeline).name,
        dashboard: format!("http://{shown}"),
        has_dashboard: dashboard::is_there(),
        kafka: kafka.bootstrap_servers(),
        psql: postgres.map(|postgres| postgres.psql.clone()),
        input: feed.map(Feed::name),
        reads_stdin: feed.is_some_and(Feed::is_stdin),
        notes,
    }
}

/// Where results stay.
fn kept(arguments: &Arguments, home: &Home) -> Option<String> {
    if arguments.database_url.is_some() {
        return Some("the database of --database-url".to_owned());
    }
    home.is_kept().then(|| home.part("").display().to_string())
}
