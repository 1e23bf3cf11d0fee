"""Topics: those with the events, which stay, and those that a run writes to, which go."""

import subprocess
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from harness.environment import PARTITIONS, Environment
from harness.workloads import AS_USUAL, Shape

# Goes up when other events are made, so that a topic of older ones is not taken for these.
EDITION = 2
SEED = 1
PATIENCE = 60
# What librdkafka says of itself: only what is worse than a lost connection, which is tried again.
SERIOUS = 2


def admin(environment: Environment) -> AdminClient:
    """A client for making and deleting topics."""
    return AdminClient({"bootstrap.servers": environment.bootstrap, "log_level": SERIOUS})


def make(environment: Environment, *names: str, partitions: int = PARTITIONS) -> None:
    """Makes topics that keep everything, whatever the time of their events."""
    config = {"retention.ms": "-1", "message.timestamp.type": "LogAppendTime"}
    topics = [NewTopic(name, partitions, 1, config=config) for name in names]
    client = admin(environment)
    for future in client.create_topics(topics).values():
        future.result(PATIENCE)
    # A client that asks too early takes the answer "no such topic" for the truth.
    deadline = time.monotonic() + PATIENCE
    while not set(names) <= set(listed(environment)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"topics {names} do not appear")
        time.sleep(0.1)


def listed(environment: Environment) -> list[str]:
    """The names of all topics."""
    return list(admin(environment).list_topics(timeout=PATIENCE).topics)


def delete(environment: Environment, prefix: str) -> None:
    """Deletes the topics whose names begin so, and groups of such names."""
    client = admin(environment)
    names = [name for name in listed(environment) if name.startswith(prefix)]
    if names:
        for future in client.delete_topics(names).values():
            future.result(PATIENCE)
        while set(names) & set(listed(environment)):
            time.sleep(0.1)
    groups = [group.group_id for group in client.list_consumer_groups().result(PATIENCE).valid]
    groups = [group for group in groups if group.startswith(prefix) or f".{prefix}" in group]
    if groups:
        for future in client.delete_consumer_groups(groups).values():
            try:
                future.result(PATIENCE)
            except KafkaException:
                pass  # one whose member has just died; it goes by itself


def consumer(environment: Environment, **settings: object) -> Consumer:
    """A consumer that belongs to no group."""
    return Consumer(
        {
            "bootstrap.servers": environment.bootstrap,
            "log_level": SERIOUS,
            "group.id": "bench.reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            **settings,
        }
    )


def ends(environment: Environment, topic: str) -> dict[int, int]:
    """The end offset of each partition."""
    reader = consumer(environment)
    partitions = reader.list_topics(topic, timeout=PATIENCE).topics[topic].partitions
    found = {
        partition: reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE)
        for partition in partitions
    }
    reader.close()
    return {partition: high for partition, (_, high) in found.items()}


def name_of(system: str, events: int, shape: Shape = AS_USUAL) -> str:
    """The topic with so many events of a system."""
    usual = f"events.{system}.{EDITION}.{SEED}.{events}"
    if shape == AS_USUAL:
        return usual
    traced = f".traced{shape.traced}" if shape.traced else ""
    return f"{usual}.{shape.partitions}.{shape.motors or 'usual'}.{shape.channels}{traced}"


def preload(environment: Environment, system: str, events: int, shape: Shape = AS_USUAL) -> str:
    """Makes sure that the topic with so many events is there, and answers its name."""
    topic = name_of(system, events, shape)
    if topic in listed(environment):
        if is_complete(environment, topic, events, shape.partitions):
            return topic
        delete(environment, topic)
    make(environment, topic, partitions=shape.partitions)
    command = [environment.tool, "fill", "--topic", topic, "--partitions", shape.partitions, "--events", events]
    command += ["--traced", shape.traced] if shape.traced else []
    command += ["--seed", SEED, "--bootstrap", environment.bootstrap, system, *shape.arguments()]
    subprocess.run([str(part) for part in command], check=True)
    if not is_complete(environment, topic, events, shape.partitions):
        raise RuntimeError(f"topic {topic} was not filled")
    return topic


def is_complete(environment: Environment, topic: str, events: int, partitions: int) -> bool:
    """Whether all events are there, and the one at the end of each partition, which is sent last."""
    found = ends(environment, topic)
    if len(found) != partitions or sum(found.values()) != events + partitions:
        return False
    reader = consumer(environment)
    reader.assign([TopicPartition(topic, p, end - 1) for p, end in found.items() if end > 0])
    last = [message for message in (reader.poll(PATIENCE) for _ in range(2 * partitions)) if message]
    reader.close()
    keys = [message.key() for message in last if message.error() is None]
    return len(keys) == partitions and all(key.lower().startswith(b"final-") for key in keys)
