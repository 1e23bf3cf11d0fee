"""Spark Structured Streaming, PySpark in local mode.

From when the first query begins its first batch until the last one has committed its last.
"""

import json
import sys
from pathlib import Path

from harness import databases, jvm, pipelines, results, table_job
from harness.environment import BENCH, Environment
from harness.outcome import Outcome
from harness.processes import Measured
from harness.truth import Truth
from harness.workloads import Workload

NAME = "Spark Structured Streaming"
PATIENCE = 900


def run(environment: Environment, workload: Workload, topic: str, run: str, truth: Truth) -> Outcome:
    """Runs a job to the topic's end."""
    with databases.database(environment, run.replace("-", "_")) as url:
        lake = prepare(environment, workload, topic, run, url)
        databases.settle(environment)
        process = start(environment, workload, topic, run, url, ["--once"])
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
        timed = json.loads(process.line("timed") or "{}")
        found = table_job.found(environment, workload, run, url, lake, results.alerts)
        seconds = timed["done"] - timed["begun"]
        return Outcome(seconds, process.peak_mib, process.cpu_seconds, truth.differences(found))


def prepare(environment: Environment, workload: Workload, topic: str, run: str, url: str) -> Path:
    """Makes the same tables and topics that our pipeline has. Answers the lake's folder."""
    _, lake = pipelines.prepare(environment, workload, topic, run, url)
    environment.folder(f"{run}-checkpoints")
    return lake


def start(
    environment: Environment, workload: Workload, topic: str, run: str, url: str, more: list[str]
) -> Measured:
    """Starts a job whose tables and topics are there."""
    command = [sys.executable, BENCH / "spark" / "job.py"]
    command += ["--system", workload.system, "--topic", topic, "--out", run, "--bootstrap", environment.bootstrap]
    command += ["--database", url, "--schema", pipelines.SCHEMA]
    command += ["--jars", ":".join(map(str, jvm.jars("spark")))]
    command += ["--checkpoints", environment.scratch / f"{run}-checkpoints"]
    if workload.lake:
        command += ["--lake", environment.scratch / f"{run}-lake"]
    if workload.enriched:
        command.append("--enriched")
    local = environment.folder(f"{run}-local")
    settings = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_DIRS": str(local)}
    return Measured([*command, *more], environment.scratch / f"{run}.log", settings)
