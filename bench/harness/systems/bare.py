"""A bare librdkafka loop, which only counts."""

import json

from harness.environment import Environment
from harness.outcome import Outcome
from harness.processes import Measured

NAME = "bare loop"
PATIENCE = 300


def run(environment: Environment, topic: str) -> Outcome:
    """Counts the topic once."""
    command = [environment.tool, "count", "--topic", topic, "--bootstrap", environment.bootstrap]
    process = Measured(command, environment.scratch / "bare.log")
    try:
        process.wait(PATIENCE)
    finally:
        process.kill()
    counted = json.loads(process.log.read_text())
    return Outcome(seconds=counted["seconds"], peak_mib=process.peak_mib, cpu_seconds=process.cpu_seconds)
