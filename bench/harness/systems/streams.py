"""Kafka Streams, exactly once, everything to Kafka.

From the first record read until the transaction that holds the offsets of the last input, and of the last record of
each topic between, is committed.
"""

import time
from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

from harness import jvm, kafka_job, topics
from harness.environment import PARTITIONS, Environment
from harness.outcome import Outcome
from harness.processes import Measured
from harness.truth import Truth
from harness.workloads import Workload

NAME = "Kafka Streams"
PATIENCE = 900
GLANCE = 0.1


def run(environment: Environment, workload: Workload, topic: str, run: str, truth: Truth) -> Outcome:
    """Runs a job to the topic's end."""
    kafka_job.prepare(environment, workload, run)
    process = start(environment, workload, topic, run)
    try:
        end = watch(environment, topic, run, process)
        first = int(process.line("first") or 0) / 1_000
        differences = truth.differences(kafka_job.found(environment, workload, run))
        return Outcome(end - first, process.peak_mib, process.cpu_seconds, differences)
    finally:
        process.kill()


def start(environment: Environment, workload: Workload, topic: str, run: str) -> Measured:
    """Starts a job."""
    command = ["java", "-Xmx1g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    command += ["-cp", ":".join(map(str, jvm.jars("streams"))), "dev.sensorstream.bench.streams.Main"]
    command += [workload.system, environment.bootstrap, topic, run, environment.folder(f"{run}-state")]
    return Measured(command, environment.scratch / f"{run}.log")


def watch(environment: Environment, topic: str, run: str, process: Measured) -> float:
    """Waits for the end. Answers when it was, in seconds since 1970."""
    deadline = time.monotonic() + PATIENCE
    goal = topics.ends(environment, topic)
    client = topics.admin(environment)
    while True:
        # What the look finds was so when it began; looking takes a while.
        now = time.time()
        if committed(client, run, topic, goal) == goal and is_drained(environment, client, run):
            return now
        process.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{run} is not done:\n{process.tail()}")
        time.sleep(GLANCE)


def committed(client: AdminClient, run: str, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """Up to where a topic's partitions are processed; below 0 before the first commit."""
    asked = ConsumerGroupTopicPartitions(run, [TopicPartition(topic, partition) for partition in partitions])
    answer = client.list_consumer_group_offsets([asked])[run].result(topics.PATIENCE)
    return {at.partition: at.offset for at in answer.topic_partitions}


def is_drained(environment: Environment, client: AdminClient, run: str) -> bool:
    """Whether no record is left in the topics between. An offset may stand before the marks of transactions at a
    partition's end, so it is tried whether there is anything to read."""
    between = [name for name in topics.listed(environment) if name.startswith(run) and name.endswith("-repartition")]
    left = [
        TopicPartition(name, partition, max(offset, 0))
        for name in between
        for partition, offset in committed(client, run, name, range(PARTITIONS)).items()
    ]
    if not left:
        return True
    reader = topics.consumer(environment)
    reader.assign(left)
    open_ = {(at.topic, at.partition) for at in left}
    try:
        while open_:
            message = reader.poll(topics.PATIENCE)
            if message is None or message.error() is None:
                return False
            if message.error().code() == KafkaError._PARTITION_EOF:
                open_.discard((message.topic(), message.partition()))
        return True
    finally:
        reader.close()
