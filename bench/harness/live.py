"""A system that runs on and on while events come: how late its rows are, and how it comes back when it is killed."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import databases, latency, pipelines, topics
from harness.environment import Environment
from harness.processes import Measured
from harness.systems import sensorstream, spark
from harness.workloads import FACTORY

# Events that come while it warms up are not counted.
WARM_UP = 30
MEASURED = 60
# After the last event, for its row to arrive.
GRACE = 10
# How often a row that is open is written at most. A second by default, which would be all that is measured.
EVERY = "20ms"
# Events a second while it is killed.
KILLED_AT = 1_000
# Longer than anything should take to come back.
PATIENCE = 180


@dataclass(frozen=True)
class Latency:
    """What was found at a rate. A percentile is infinite if that many events have no row in time."""

    p50_ms: float
    p99_ms: float
    events: int
    missing: int
    peak_mib: float


@dataclass(frozen=True)
class Recovery:
    """How long it was away, each time that it was killed."""

    seconds: list[float]
    peak_mib: float


@dataclass(frozen=True)
class Live:
    """A system, running."""

    topic: str
    notices: latency.Notices
    start: Callable[[], Measured]


@contextmanager
def live(environment: Environment, name: str, run: str) -> Iterator[Live]:
    """Prepares a system for the factory job over an empty topic."""
    topic = f"{run}.events"
    topics.make(environment, topic)
    with databases.database(environment, run.replace("-", "_")) as url:
        if name == sensorstream.NAME:
            config, _ = pipelines.prepare(environment, FACTORY, topic, run, url, pipelines.Settings(every=EVERY))

            def start() -> Measured:
                return sensorstream.start(environment, config, url, run)
        else:
            spark.prepare(environment, FACTORY, topic, run, url)

            def start() -> Measured:
                return spark.start(environment, FACTORY, topic, run, url, [])

        notices = latency.Notices(url)
        try:
            yield Live(topic, notices, start)
        finally:
            notices.close()


def measure(environment: Environment, name: str, run: str, rate: int) -> Latency:
    """How late rows are at so many events a second."""
    with live(environment, name, run) as system:
        process = system.start()
        try:
            sender, notes = latency.pace(environment, system.topic, rate, WARM_UP + MEASURED, f"{run}-pace")
            since = sender.started + WARM_UP
            try:
                sender.wait(WARM_UP + MEASURED + PATIENCE)
            finally:
                sender.kill()
            time.sleep(GRACE)
            process.check()
        finally:
            process.kill()
        found, missing = latency.latencies(latency.sent(notes), system.notices.arrived(), since)
    every = found + [math.inf] * missing
    return Latency(
        p50_ms=latency.percentile(every, 0.5) * 1_000,
        p99_ms=latency.percentile(every, 0.99) * 1_000,
        events=len(every),
        missing=missing,
        peak_mib=process.peak_mib,
    )


def recover(environment: Environment, name: str, run: str, kills: int) -> Recovery:
    """How long after SIGKILL, with the process started again at once, until a row counts an event that was made
    after it."""
    found: list[float] = []
    peak = 0.0
    with live(environment, name, run) as system:
        process = system.start()
        sender, notes = latency.pace(environment, system.topic, KILLED_AT, kills * 2 * PATIENCE, f"{run}-pace")
        try:
            wait(system, notes, since=sender.started)
            for _ in range(kills):
                time.sleep(WARM_UP)
                process.kill()
                peak = max(peak, process.peak_mib)
                killed = time.time()
                process = system.start()
                found.append(wait(system, notes, since=killed) - killed)
        finally:
            process.kill()
            sender.kill()
    return Recovery(found, max(peak, process.peak_mib))


def wait(system: Live, notes: Path, since: float) -> float:
    """Waits for a row with an event made since then. Answers when it arrived."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        pairs = latency.newest(latency.sent(notes), system.notices.arrived())
        arrived = [moment for moment, made in pairs if made > since]
        if arrived:
            return arrived[0]
        time.sleep(0.1)
    raise TimeoutError("no row came back")
