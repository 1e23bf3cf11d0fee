"""Apache Flink on a cluster of its own in one process, exactly once, everything to Kafka.

From the first record read until the job has ended, which is after its last transactions are committed.
"""

from harness import jvm, kafka_job
from harness.environment import Environment
from harness.outcome import Outcome
from harness.processes import Measured
from harness.truth import Truth
from harness.workloads import Workload

NAME = "Apache Flink"
PATIENCE = 900
# What Flink's own documentation has its scripts give to Java.
OPENED = ("java.util", "java.lang", "java.time", "java.util.concurrent", "java.net", "java.io", "java.nio", "java.text")


def run(environment: Environment, workload: Workload, topic: str, run: str, truth: Truth) -> Outcome:
    """Runs a job to the topic's end."""
    kafka_job.prepare(environment, workload, run)
    command = ["java", "-Xmx2g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    command += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
    command += ["-cp", ":".join(map(str, jvm.jars("flink"))), "dev.sensorstream.bench.flink.Main"]
    command += [workload.system, environment.bootstrap, topic, run, environment.folder(f"{run}-checkpoints")]
    process = Measured(command, environment.scratch / f"{run}.log")
    try:
        process.wait(PATIENCE)
        first, done = (int(process.line(word) or 0) / 1_000 for word in ("first", "done"))
        differences = truth.differences(kafka_job.found(environment, workload, run))
        return Outcome(done - first, process.peak_mib, process.cpu_seconds, differences)
    finally:
        process.kill()
