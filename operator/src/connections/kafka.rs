//! One Kafka cluster: an admin client and a consumer that never joins a group, for all
//! pipelines. librdkafka's blocking calls run on a bounded number of threads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext,
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic,
        OwnedResourceSpecifier, ResourceSpecifier, TopicReplication, TopicResult,
    },
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
};
use sensorstream_broker::{
    connection::client_config,
    offsets::{beginning_offsets, end_offsets},
    topics::{TopicDescription, describe},
};
use tokio::sync::Semaphore;

use super::{TIMEOUT, circuit::Circuit};
use crate::{
    backends::{BackendError, KafkaChange, KafkaLogin, Span, Topic, TopicNames, Topics},
    plan::topics::TopicChange,
    telemetry::chain,
};

/// How long one request may take: a few of them fit in [`TIMEOUT`] when the cluster is well.
const REQUEST: Duration = Duration::from_secs(3);

pub(super) struct Cluster {
    /// The bootstrap servers, for metrics and messages.
    pub(super) label: String,
    pub(super) circuit: Mutex<Circuit>,
    config: ClientConfig,
    clients: Mutex<Option<Arc<Clients>>>,
    blocking: Arc<Semaphore>,
}

struct Clients {
    admin: AdminClient<Quiet>,
    consumer: BaseConsumer<Quiet>,
}

/// Takes librdkafka's words for debugging only: an unreachable broker is told once, by us.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

impl ConsumerContext for Quiet {}

impl Cluster {
    pub(super) fn new(login: &KafkaLogin, blocking: Arc<Semaphore>) -> Self {
        let mut config = client_config(&login.endpoint, &login.credentials);
        config
            .set("client.id", "sensorstream-operator")
            .set("socket.timeout.ms", "4000")
            .set("socket.connection.setup.timeout.ms", "3000")
            .set("enable.auto.commit", "false");
        Self {
            label: login.endpoint.bootstrap_servers.clone(),
            circuit: Mutex::default(),
            config,
            clients: Mutex::default(),
            blocking,
        }
    }

    /// What there is of a pipeline's topics.
    pub(super) async fn topics(&self, names: &TopicNames) -> Result<Topics, BackendError> {
        let clients = self.clients()?;
        let wanted = names.clone();
        let (described, offsets, link_offsets) = self
            .blocking(move || {
                let asked: BTreeSet<&str> = [&wanted.input]
                    .into_iter()
                    .chain(&wanted.outputs)
                    .map(String::as_str)
                    .collect();
                let asked: Vec<&str> = asked.into_iter().collect();
                let described = describe(clients.admin.inner(), &asked, REQUEST);
                let described = described.map_err(|error| chain(&error))?;
                let spans = |name: Option<&String>| {
                    let found = name.and_then(|name| Some((name, described.get(name)?)));
                    found.map_or_else(
                        || Ok(BTreeMap::new()),
                        |(name, topic)| offsets(&clients.consumer, name, topic),
                    )
                };
                let of_input = spans(Some(&wanted.input))?;
                let of_link = spans(wanted.link.as_ref())?;
                Ok((described, of_input, of_link))
            })
            .await?;
        let mut configs = self.configs(described.keys().map(String::as_str)).await?;
        let mut topic = |name: &str| {
            described.get(name).map(|seen| Topic {
                id: seen.id.clone(),
                partitions: seen.partitions,
                leaderless: seen.leaderless.clone(),
                config: configs.remove(name).unwrap_or_default(),
            })
        };
        Ok(Topics {
            input: topic(&names.input),
            outputs: names
                .outputs
                .iter()
                .filter_map(|name| Some((name.clone(), topic(name)?)))
                .collect(),
            offsets,
            link_offsets,
        })
    }

    async fn configs(
        &self,
        names: impl Iterator<Item = &str>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, BackendError> {
        let specifiers: Vec<_> = names.map(ResourceSpecifier::Topic).collect();
        if specifiers.is_empty() {
            return Ok(BTreeMap::new());
        }
        let clients = self.clients()?;
        let answers = self
            .asking(
                "reading topic settings",
                clients.admin.describe_configs(&specifiers, &options()),
            )
            .await?;
        let mut configs = BTreeMap::new();
        for answer in answers {
            let resource = answer.map_err(|code| self.refused("reading topic settings", code))?;
            if let OwnedResourceSpecifier::Topic(name) = resource.specifier {
                let entries = resource.entries.into_iter();
                let values = entries.filter_map(|entry| Some((entry.name, entry.value?)));
                configs.insert(name, values.collect());
            }
        }
        Ok(configs)
    }

    /// Makes a change.
    pub(super) async fn change(&self, change: &KafkaChange) -> Result<(), BackendError> {
        let clients = self.clients()?;
        let admin = &clients.admin;
        match change {
            KafkaChange::Topic(change) => self.change_topic(admin, change).await,
            KafkaChange::DeleteTopic(name) => {
                let action = format!("deleting topic {name}");
                let answers = self
                    .asking(&action, admin.delete_topics(&[name], &options()))
                    .await?;
                self.all_done(&action, answers, RDKafkaErrorCode::UnknownTopicOrPartition)
            }
            KafkaChange::DeleteGroup(name) => {
                let action = format!("deleting consumer group {name}");
                let answers = self
                    .asking(&action, admin.delete_groups(&[name], &options()))
                    .await?;
                self.all_done(&action, answers, RDKafkaErrorCode::GroupIdNotFound)
            }
        }
    }

    async fn change_topic(
        &self,
        admin: &AdminClient<Quiet>,
        change: &TopicChange,
    ) -> Result<(), BackendError> {
        let action = change.action();
        let answers = match change {
            TopicChange::Create {
                name,
                partitions,
                replication_factor,
                config,
            } => {
                // -1 is the cluster's default.
                let replication = TopicReplication::Fixed(replication_factor.unwrap_or(-1));
                let topic = config.iter().fold(
                    NewTopic::new(name, *partitions, replication),
                    |topic, (key, value)| topic.set(key, value),
                );
                self.asking(&action, admin.create_topics([&topic], &options()))
                    .await?
            }
            TopicChange::Grow { name, partitions } => {
                let partitions = usize::try_from(*partitions).unwrap_or(0);
                let growth = NewPartitions::new(name, partitions);
                self.asking(&action, admin.create_partitions([&growth], &options()))
                    .await?
            }
            TopicChange::Configure { name, set } => return self.configure(admin, name, set).await,
        };
        for answer in answers {
            match answer {
                Ok(_) => {}
                Err((name, RDKafkaErrorCode::TopicAlreadyExists)) => {
                    return Err(BackendError::Appeared {
                        thing: format!("topic {name}"),
                    });
                }
                Err((_, code)) => return Err(self.refused(&action, code)),
            }
        }
        Ok(())
    }

    /// Sets some settings and leaves the others: the call replaces them all, so those that
    /// were set on the topic before go with it.
    async fn configure(
        &self,
        admin: &AdminClient<Quiet>,
        name: &str,
        set: &BTreeMap<String, String>,
    ) -> Result<(), BackendError> {
        let action = format!("changing the settings of topic {name}");
        let specifier = ResourceSpecifier::Topic(name);
        let answers = self
            .asking(&action, admin.describe_configs([&specifier], &options()))
            .await?;
        let mut settings = BTreeMap::new();
        for answer in answers {
            let resource = answer.map_err(|code| self.refused(&action, code))?;
            settings.extend(
                resource
                    .entries
                    .into_iter()
                    .filter(|entry| entry.source == ConfigSource::DynamicTopic)
                    .filter_map(|entry| Some((entry.name, entry.value?))),
            );
        }
        settings.extend(set.clone());
        let alteration = settings
            .iter()
            .fold(AlterConfig::new(specifier), |all, (key, value)| {
                all.set(key, value)
            });
        let answers = self
            .asking(&action, admin.alter_configs([&alteration], &options()))
            .await?;
        for answer in answers {
            answer.map_err(|(_, code)| self.refused(&action, code))?;
        }
        Ok(())
    }

    fn clients(&self) -> Result<Arc<Clients>, BackendError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clients) = &*clients {
            return Ok(Arc::clone(clients));
        }
        let unusable = |error: KafkaError| BackendError::Refused {
            place: self.place(),
            action: "the settings".into(),
            why: error.to_string(),
        };
        let made = Arc::new(Clients {
            admin: AdminClient::from_config_and_context(&self.config, Quiet).map_err(unusable)?,
            consumer: BaseConsumer::from_config_and_context(&self.config, Quiet)
                .map_err(unusable)?,
        });
        *clients = Some(Arc::clone(&made));
        Ok(made)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, BackendError> {
        let permit = tokio::time::timeout(TIMEOUT, Arc::clone(&self.blocking).acquire_owned())
            .await
            .map_err(|_| self.unreachable("too many questions to other clusters are open"))?;
        let answer = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            question()
        });
        // The question has its own time limits; this one is for when they do not hold.
        match tokio::time::timeout(TIMEOUT * 2, answer).await {
            Ok(Ok(answer)) => answer.map_err(|why| self.unreachable(why)),
            Ok(Err(error)) => Err(self.unreachable(error.to_string())),
            Err(_) => Err(self.unreachable(format!("no answer within {:?}", TIMEOUT * 2))),
        }
    }

    async fn asking<T>(
        &self,
        action: &str,
        question: impl Future<Output = Result<T, KafkaError>>,
    ) -> Result<T, BackendError> {
        match tokio::time::timeout(TIMEOUT, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.unreachable(format!("{action}: {error}"))),
            Err(_) => Err(self.unreachable(format!("{action}: no answer within {TIMEOUT:?}"))),
        }
    }

    fn all_done(
        &self,
        action: &str,
        answers: Vec<TopicResult>,
        gone: RDKafkaErrorCode,
    ) -> Result<(), BackendError> {
        for answer in answers {
            match answer {
                Ok(_) => {}
                Err((_, code)) if code == gone => {}
                Err((_, code)) => return Err(self.refused(action, code)),
            }
        }
        Ok(())
    }

    fn place(&self) -> String {
        format!("Kafka at {}", self.label)
    }

    fn unreachable(&self, why: impl Into<String>) -> BackendError {
        BackendError::Unreachable {
            place: self.place(),
            why: why.into(),
        }
    }

    fn refused(&self, action: &str, code: RDKafkaErrorCode) -> BackendError {
        let why = code.to_string();
        BackendError::Refused {
            place: self.place(),
            action: action.to_owned(),
            why,
        }
    }
}

fn offsets(
    consumer: &BaseConsumer<Quiet>,
    name: &str,
    topic: &TopicDescription,
) -> Result<BTreeMap<i32, Span>, String> {
    // A question about a partition without a leader waits for one.
    let partitions: Vec<i32> = (0..topic.partitions)
        .filter(|partition| !topic.leaderless.contains(partition))
        .collect();
    let ask = || {
        let begin = beginning_offsets(consumer, name, partitions.iter().copied(), REQUEST)?;
        let end = end_offsets(consumer, name, partitions.iter().copied(), REQUEST)?;
        Ok(end
            .into_iter()
            .filter_map(|(partition, end)| {
                let begin = *begin.get(&partition)?;
                Some((partition, Span { begin, end }))
            })
            .collect())
    };
    let answer = ask().or_else(|_: KafkaError| {
        // The client goes by what it learnt of the topic minutes ago: partitions may have been
        // added, leaders moved, or the topic made anew.
        consumer.fetch_metadata(Some(name), REQUEST)?;
        ask()
    });
    // Serves the client's events, which would pile up otherwise.
    while consumer.poll(Duration::ZERO).is_some() {}
    answer.map_err(|error| format!("reading offsets of topic {name}: {error}"))
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(REQUEST))
        .operation_timeout(Some(REQUEST))
}
