"""Our processor, as it is released, in one process on this machine.

From when the first shard is taken over, which is before its first record is read, until every record is decided,
every row is written, everything is sent, and the lake, if there is one, has every reading.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psycopg
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from harness import databases, pipelines, results, table_job, topics
from harness.environment import Environment
from harness.outcome import Outcome
from harness.pipelines import Settings
from harness.processes import Measured
from harness.truth import Truth
from harness.workloads import Workload

NAME = "SensorStream"
PATIENCE = 300
# How often the commit log is looked at: looking takes time from what is measured.
GLANCE = 0.05
# The first shard is not to be seen late.
FIRST_GLANCE = 0.005
Condition = Callable[[psycopg.Connection], bool]


@dataclass(frozen=True)
class Done:
    """A run to the topic's end."""

    seconds: float
    process: Measured
    lake: Path

    def outcome(self, differences: list[str], rows: int | None = None) -> Outcome:
        """With what was found in its results."""
        return Outcome(self.seconds, self.process.peak_mib, self.process.cpu_seconds, differences, rows)


def run(environment: Environment, workload: Workload, topic: str, run: str, truth: Truth) -> Outcome:
    """Runs a job to the topic's end, and compares what came of it with the truth."""
    with databases.database(environment, run.replace("-", "_")) as url:
        done = to_the_end(environment, workload, topic, run, url)
        found = table_job.found(environment, workload, run, url, done.lake, results.alerts_of_ours)
    return done.outcome(truth.differences(found))


def to_the_end(
    environment: Environment,
    workload: Workload,
    topic: str,
    run: str,
    url: str,
    settings: Settings = Settings(),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Done:
    """Runs a job until nothing of the topic is left to be done, with more variables in its environment."""
    config, lake = pipelines.prepare(environment, workload, topic, run, url, settings)
    databases.settle(environment)
    process = start(environment, config, url, run, variables)
    try:
        begin, end = watch(environment, workload, topic, run, url, process)
        if workload.lake:
            process.stop()
            end = time.monotonic()
    finally:
        process.kill()
    return Done(end - begin, process, lake)


def start(
    environment: Environment, config: Path, url: str, run: str, more: Mapping[str, str] = MappingProxyType({})
) -> Measured:
    """Starts the processor of a pipeline that is prepared."""
    command = [environment.processor, "process", "--listen", "127.0.0.1:0", "--config", config]
    # By its name a pod whose container is started again is known to Kafka.
    variables = {"DATABASE_URL": url, "POD_NAME": run, "RUST_LOG": "warn", **more}
    return Measured(command, environment.scratch / f"{run}.log", variables)


def watch(
    environment: Environment, workload: Workload, topic: str, run: str, url: str, process: Measured
) -> tuple[float, float]:
    """Waits for the first shard and for the end. Answers when these were."""
    deadline = time.monotonic() + PATIENCE
    goal = topics.ends(environment, topic)
    client = topics.admin(environment)

    def wait(connection: psycopg.Connection, condition: Condition, glance: float = GLANCE) -> float:
        while not condition(connection):
            process.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{run} is not done:\n{process.tail()}")
            time.sleep(glance)
        return time.monotonic()

    with psycopg.connect(url, autocommit=True) as connection:
        begin = wait(connection, lambda c: bool(decided(c, topic)), FIRST_GLANCE)
        end = wait(connection, lambda c: decided(c, topic) == goal)
        if not workload.raw:
            end = wait(connection, lambda c: sent(c, client, run, goal, topic) == goal)
        if workload.system == "clickstream":
            link = pipelines.link(run)
            merged = topics.ends(environment, link)
            end = wait(connection, lambda c: decided(c, link) == merged)
    return begin, end


def decided(connection: psycopg.Connection, topic: str) -> dict[int, int]:
    """Up to where each partition of a topic is decided, and so its rows written."""
    query = "SELECT partition, next_offset FROM sensorstream.shards WHERE topic = %s"
    return dict(connection.execute(query, [topic]).fetchall())


def sent(
    connection: psycopg.Connection, client: AdminClient, run: str, goal: dict[int, int], topic: str
) -> dict[int, int]:
    """Below which offsets everything that follows has been sent to the output topics: by the transactions that sent
    it, or, where nothing was left to send, by the commit log."""
    group = f"sensorstream.{pipelines.NAMESPACE}.{run}.dead-letter"
    partitions = [TopicPartition(topic, partition) for partition in goal]
    asked = ConsumerGroupTopicPartitions(group, partitions)
    answer = client.list_consumer_group_offsets([asked])[group].result(topics.PATIENCE)
    query = "SELECT partition, outbox_cursor FROM sensorstream.shards WHERE topic = %s"
    noted = dict(connection.execute(query, [topic]).fetchall())
    return {at.partition: max(at.offset, noted.get(at.partition) or 0) for at in answer.topic_partitions}
