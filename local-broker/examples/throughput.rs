//! How many records a second go in and come out: `throughput [--partitions 3] [--records 2000000]`, with
//! `--bootstrap` for another broker than this one.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use clap::Parser;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseProducer, BaseRecord, Producer},
};
use sensorstream_local_broker::LocalBroker;

const TOPIC: &str = "throughput";
const PATIENCE: Duration = Duration::from_mins(1);

/// Measures how many records a second go in and come out.
#[derive(Parser)]
struct Arguments {
    /// Another broker.
    #[arg(long)]
    bootstrap: Option<String>,
    #[arg(long, default_value_t = 1)]
    partitions: i32,
    #[arg(long, default_value_t = 2_000_000)]
    records: usize,
    /// The bytes of a record.
    #[arg(long, default_value_t = 200)]
    size: usize,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let memory = arguments.records as u64 * (arguments.size as u64 + 100) * 4;
    let broker = LocalBroker::start(listen, memory).await?;
    let bootstrap = arguments
        .bootstrap
        .clone()
        .unwrap_or_else(|| broker.bootstrap_servers());
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &bootstrap);
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let topic = NewTopic::new(TOPIC, arguments.partitions, TopicReplication::Fixed(1))
        .set("message.timestamp.type", "LogAppendTime");
    admin
        .create_topics([&topic], &AdminOptions::new())
        .await?
        .remove(0)
        .map_err(|(_, code)| code)?;
    let count = arguments.records;
    let (produced, consumed) = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        produce(&config, &arguments).expect("producing works");
        let produced = started.elapsed();
        let started = Instant::now();
        consume(&config, &arguments).expect("consuming works");
        (produced, started.elapsed())
    })
    .await?;
    admin.delete_topics(&[TOPIC], &AdminOptions::new()).await?;
    let rate = |time: Duration| (count as f64 / time.as_secs_f64()).round();
    println!("produced {} records/s", rate(produced));
    println!("consumed {} records/s", rate(consumed));
    broker.stop().await;
    Ok(())
}

fn produce(config: &ClientConfig, arguments: &Arguments) -> Result<(), rdkafka::error::KafkaError> {
    let producer: BaseProducer = config
        .clone()
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", "500000")
        .create()?;
    let payload = vec![b'x'; arguments.size];
    for number in 0..arguments.records {
        let mut record = BaseRecord::<(), [u8]>::to(TOPIC)
            .partition(number as i32 % arguments.partitions)
            .payload(&payload);
        while let Err((_, returned)) = producer.send(record) {
            producer.poll(Duration::from_millis(10));
            record = returned;
        }
        if number % 1_000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(PATIENCE)
}

fn consume(config: &ClientConfig, arguments: &Arguments) -> Result<(), rdkafka::error::KafkaError> {
    let consumer: BaseConsumer = config
        .clone()
        .set("group.id", "throughput")
        .set("enable.auto.commit", "false")
        .create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..arguments.partitions {
        list.add_partition_offset(TOPIC, partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let mut found = 0;
    while found < arguments.records {
        if let Some(message) = consumer.poll(PATIENCE) {
            message?;
            found += 1;
        }
    }
    Ok(())
}
