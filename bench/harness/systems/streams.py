"""Kafka Streams, exactly once, everything to Kafka.

From the first record read until the transaction that holds the offsets of the last input, and of the last record of
each topic between, is committed.
"""

import time

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

from harness import jvm, kafka_job, topics
from harness.environment import Environment
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
        return Outcome(end - first, process.peak_mib, truth.differences(kafka_job.found(environment, workload, run)))
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
    while committed(client, run, topic, goal) != goal or not drained(environment, client, run):
        process.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{run} is not done:\n{process.tail()}")
        time.sleep(GLANCE)
    return time.time()


def committed(client: AdminClient, run: str, topic: str, partitions: dict[int, int]) -> dict[int, int]:
    """Up to where a topic's partitions are processed."""
    asked = ConsumerGroupTopicPartitions(run, [TopicPartition(topic, partition) for partition in partitions])
    answer = client.list_consumer_group_offsets([asked])[run].result(topics.PATIENCE)
    return {at.partition: at.offset for at in answer.topic_partitions}


def drained(environment: Environment, client: AdminClient, run: str) -> bool:
    """Whether no record is left in the topics between."""
    for name in topics.listed(environment):
        if not (name.startswith(run) and name.endswith("-repartition")):
            continue
        ends = topics.ends(environment, name)
        done = committed(client, run, name, ends)
        if any(left(environment, name, p, max(done[p], 0)) for p, end in ends.items() if done[p] < end):
            return False
    return True


def left(environment: Environment, topic: str, partition: int, offset: int) -> bool:
    """Whether there is a record from an offset on, and not only the marks that transactions leave."""
    reader = topics.consumer(environment)
    reader.assign([TopicPartition(topic, partition, offset)])
    try:
        while True:
            message = reader.poll(1)
            if message is not None:
                return message.error() is None or message.error().code() != KafkaError._PARTITION_EOF
    finally:
        reader.close()
