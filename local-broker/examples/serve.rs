//! The local broker on its own, for tests that want a Kafka: `serve --listen 127.0.0.1:9092`.

use std::net::SocketAddr;

use clap::Parser;
use sensorstream_local_broker::LocalBroker;

/// Serves Kafka clients from memory until it is interrupted.
#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9092")]
    listen: SocketAddr,
    /// How many bytes records may take.
    #[arg(long, default_value_t = 1 << 30)]
    memory: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let broker = LocalBroker::start(arguments.listen, arguments.memory).await?;
    println!("{}", broker.bootstrap_servers());
    tokio::signal::ctrl_c().await?;
    broker.stop().await;
    Ok(())
}
