//! What `run` is told.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use sensorstream_crds::{SensorPipelineSpec, scalars, timeline::Then};

/// Run a pipeline on this machine, without Kubernetes
///
/// Starts everything that the pipeline needs: a Kafka-compatible broker in the memory of this process, a `PostgreSQL`
/// from the programs that are installed, and then the same simulator, processor, API and web dashboard as in a
/// cluster. Ctrl-C processes what is left, prints a summary and stops; a second one stops at once.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The file with the `SensorPipeline`; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The pipeline of this name, where the file has several
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// Change a value of the resource, such as spec.simulator.rate=1000; may be given more than once
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Take readings from this file, a JSON object a line, in place of the simulator; - is standard input
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Stop after so long, such as 30s or 5m, once what is left is processed
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    pub duration: Option<Duration>,
    /// Stop once the input, or a simulator that comes to an end, has been processed to its end
    #[arg(long)]
    pub until_drained: bool,
    /// Keep tables and the lake in this folder, and go on with what is there; without it they go with the run
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Use this database, postgres://user:password@host:port/database, instead of starting one
    #[arg(long, value_name = "URI")]
    pub database_url: Option<String>,
    /// Use this Kafka, host:port,…, instead of the broker in memory. A login, if the resource has one, is read
    /// from `KAFKA_USERNAME` and `KAFKA_PASSWORD`
    #[arg(long, value_name = "HOSTS")]
    pub bootstrap_servers: Option<String>,
    /// Where the API and the web dashboard answer. By default 127.0.0.1:8080, or another port if that is taken
    #[arg(long, value_name = "ADDRESS")]
    pub api_listen: Option<SocketAddr>,
    /// What to print: a live view on a terminal and lines elsewhere (auto), lines, or JSON, an object a line
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Write the logs of all parts to this file, as JSON, a line each (`RUST_LOG` says how much)
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// How a run shows itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// A live view on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// Lines.
    Text,
    /// JSON, an object a line.
    Json,
}

const EXAMPLES: &str = "\
Examples:
  sensorstream run examples/clickstream.yaml
  sensorstream run examples/factory.yaml --set spec.simulator.rate=1000 --for 30s
  sensorstream run my.yaml --input readings.ndjson --until-drained --data ./out
  zcat readings.ndjson.gz | sensorstream run my.yaml --input - --until-drained --output json

Exit status: 0 if all that was read is accounted for and everything is processed, 1 otherwise,
130 if it was stopped at once.";

/// Where the API answers unless told otherwise.
const API: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// What makes no sense together.
#[derive(Debug, thiserror::Error)]
pub enum ArgumentError {
    /// Nothing ends by itself.
    #[error(
        "--until-drained waits for readings to end, and the simulator of this pipeline makes them for \
         ever: add --for TIME, or --input FILE, or give the simulator an end by --set \
         spec.simulator.limit=1000"
    )]
    Endless,
    /// Nothing comes in.
    #[error(
        "the pipeline has no simulator: give it readings by --input FILE, or name the Kafka that has \
         them by --bootstrap-servers"
    )]
    NoReadings,
    /// There is one standard input.
    #[error("FILE and --input can't both be standard input: name one of them")]
    OneInput,
    /// Others would get in.
    #[error(
        "spec.api.auth asks for a login, which there is none of here: listen on 127.0.0.1, or take it out \
         by --set spec.api.auth=null"
    )]
    Open,
}

impl Arguments {
    /// Whether what is to be read can be.
    pub fn check_inputs(&self) -> Result<(), ArgumentError> {
        let both = self.file.as_os_str() == "-" && self.reads_stdin();
        if both {
            Err(ArgumentError::OneInput)
        } else {
            Ok(())
        }
    }

    /// Whether what is asked for makes sense for a pipeline.
    pub fn check(&self, spec: &SensorPipelineSpec) -> Result<(), ArgumentError> {
        let has_login = spec.api.as_ref().is_some_and(|api| api.auth.is_some());
        let is_open = self
            .api_listen
            .is_some_and(|address| !address.ip().is_loopback());
        if has_login && is_open {
            return Err(ArgumentError::Open);
        }
        let comes = self.input.is_some() || self.bootstrap_servers.is_some();
        match &spec.simulator {
            None if !comes => Err(ArgumentError::NoReadings),
            Some(_) if self.input.is_none() && self.until_drained => {
                let ends = self.duration.is_some() || ends(spec);
                ends.then_some(()).ok_or(ArgumentError::Endless)
            }
            _ => Ok(()),
        }
    }

    /// Where the API is to answer: where it was told, or a free port of this machine.
    pub fn api(&self) -> SocketAddr {
        let free = |address| std::net::TcpListener::bind(address)?.local_addr();
        match self.api_listen {
            Some(address) if address.port() == 0 => free(address).unwrap_or(address),
            Some(address) => address,
            None => free(API)
                .or_else(|_| free(SocketAddr::new(API.ip(), 0)))
                .unwrap_or(API),
        }
    }

    /// Whether readings come from standard input.
    fn reads_stdin(&self) -> bool {
        self.input
            .as_ref()
            .is_some_and(|path| path.as_os_str() == "-")
    }
}

/// Whether the simulator has an end.
fn ends(spec: &SensorPipelineSpec) -> bool {
    spec.simulator.as_ref().is_some_and(|simulator| {
        let timeline = simulator.timeline.as_ref();
        let backfill = timeline.and_then(|timeline| timeline.backfill.as_ref());
        simulator.limit.is_some()
            || timeline.is_some_and(|timeline| timeline.spread.is_some())
            || backfill.is_some_and(|backfill| backfill.then == Then::Stop)
    })
}

/// A span of time as resources write it.
fn span(text: &str) -> Result<Duration, String> {
    scalars::Duration::from(text)
        .parse()
        .ok_or_else(|| "write it as 500ms, 30s, 5m or 1h30m".to_owned())
}
