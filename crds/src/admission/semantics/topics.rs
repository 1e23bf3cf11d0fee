//! Kafka: where it is, and what topics may be set to.

use super::Check;
use crate::{SensorPipelineSpec, input::Topic};

/// Topic settings that would break what the pipeline promises, with the reason.
const REFUSED_TOPIC_CONFIG: [(&str, &str); 1] = [(
    "message.timestamp.type",
    "the operator sets it to LogAppendTime on topics it makes, so that a fast clock can be told",
)];

impl Check {
    pub(super) fn bootstrap_servers(&mut self, servers: &str) {
        for pair in servers.split(',') {
            let port = pair
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none_or(|port| port == 0) {
                let message = format!("the port of `{pair}` must be between 1 and 65535");
                self.refuse("spec.kafka.bootstrapServers", message);
            }
        }
    }

    pub(super) fn topics(&mut self, spec: &SensorPipelineSpec) {
        let outputs = &spec.outputs;
        self.topic("spec.input.topic", &spec.input.topic);
        self.topic("spec.outputs.deadLetter.topic", &outputs.dead_letter.topic);
        if let Some(enriched) = &outputs.enriched {
            self.topic("spec.outputs.enriched.topic", &enriched.topic);
        }
        if let Some(alerts) = &outputs.alerts {
            self.topic("spec.outputs.alerts.topic", &alerts.topic);
        }
    }

    fn topic(&mut self, path: &str, topic: &Topic) {
        for (key, why) in REFUSED_TOPIC_CONFIG {
            if topic.config.contains_key(key) {
                self.refuse(format!("{path}.config"), format!("remove {key}: {why}"));
            }
        }
        if topic
            .config
            .get("cleanup.policy")
            .is_some_and(|policy| policy.contains("compact"))
        {
            let message = "cleanup.policy must be delete: compaction removes readings";
            self.refuse(format!("{path}.config"), message);
        }
    }
}
