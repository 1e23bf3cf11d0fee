"""The parts that need the cluster, one method each."""

import argparse
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

import psycopg
from confluent_kafka import KafkaException

from harness import growth, instructions, live, raw, topics, traces
from harness.environment import Environment
from harness.outcome import Outcome
from harness.pipelines import link
from harness.report import Report
from harness.say import say
from harness.systems import bare, flink, sensorstream, spark, streams
from harness.truth import Truth
from harness.workloads import ALL, CLICKSTREAM, FACTORY, RAW, Workload

SYSTEMS: dict[str, ModuleType] = {
    "bare": bare,
    "sensorstream": sensorstream,
    "spark": spark,
    "flink": flink,
    "streams": streams,
}
# Those that are measured as events come.
LIVE = ("sensorstream", "spark")
T = TypeVar("T")


def runs(system: str, workload: Workload) -> bool:
    """Whether a system has the job."""
    match system:
        case "sensorstream" | "spark":
            return True
        # The bare loop writes nothing, and the two to Kafka only.
        case _:
            return not (workload.lake or workload.enriched)


class Benchmark:
    """The measuring."""

    def __init__(self, told: argparse.Namespace):
        self.told = told
        self.environment = Environment.from_shell()
        self.report = Report(told.events)
        self.failures: list[str] = []

    def instructions(self) -> None:
        """Counts the instructions of the hot path, and compares them with the committed counts."""
        counts: dict[str, int] = {}
        for workload in (FACTORY, CLICKSTREAM):
            say(f"instructions of the hot path: {workload.name}")
            counts[workload.name] = instructions.count(self.environment, workload)
            say(f"  {counts[workload.name]:,} an event")
        if self.told.accept:
            instructions.accept(counts)
        before = instructions.committed()
        for name, now in counts.items():
            slip = instructions.slip(now, before[name])
            if slip is not None:
                self.failures.append(f"{name}: {now:,} instructions an event, {slip:.1%} more than {before[name]:,}")
        self.report.instructions = counts

    def jobs(self) -> None:
        """Runs every job on every system, in turn, and the whole of it again in each round."""
        workloads = [workload for workload in ALL if workload.name in self.told.workloads]
        inputs, truths = {}, {}
        for system in sorted({workload.system for workload in workloads}):
            say(f"{self.told.events:,} events of {system}, and what they come to")
            inputs[system] = topics.preload(self.environment, system, self.told.events)
            truths[system] = Truth(self.environment, system, inputs[system])
        for number in range(1, self.told.rounds + 1):
            for workload in workloads:
                for name in self.told.systems:
                    if runs(name, workload):
                        self._job(number, name, workload, inputs[workload.system], truths[workload.system])

    def _job(self, number: int, name: str, workload: Workload, topic: str, truth: Truth) -> None:
        system = SYSTEMS[name]
        say(f"round {number}: {workload.name} on {system.NAME}")

        def run(run: str) -> Outcome:
            if name == "bare":
                return bare.run(self.environment, topic)
            return system.run(self.environment, workload, topic, run, truth)

        outcome = self._try(f"{workload.name} on {system.NAME}", f"bench-{name}-{ALL.index(workload)}", run)
        if outcome is not None:
            self._tell(outcome)
            self.report.add(workload.name, system.NAME, outcome)

    def _tell(self, outcome: Outcome) -> None:
        speed = self.told.events / outcome.seconds
        took = f"{outcome.seconds:.2f} s, {outcome.cpu_seconds:.1f} s of CPU"
        say(f"  {speed:,.0f} events a second, {outcome.peak_mib:,.0f} MiB, {took}")
        for words in outcome.differences:
            say(f"  {words}")

    def raw(self) -> None:
        """Every event as a row, and COPY beside it."""
        for number in range(1, self.told.rounds + 1):
            say(f"round {number}: {RAW.name} on SensorStream, and then by COPY alone")

            def run(run: str) -> tuple[Outcome, Outcome]:
                return raw.run(self.environment, run, self.told.events)

            found = self._try(RAW.name, "bench-raw", run)
            if found is not None:
                for name, outcome in zip((sensorstream.NAME, "COPY alone"), found, strict=True):
                    self._tell(outcome)
                    self.report.add(RAW.name, name, outcome)

    def growth(self) -> None:
        """How what an event costs grows."""
        for number in range(1, self.told.rounds + 1):
            for point in growth.POINTS:
                say(f"round {number}: factory with {point.name}")

                def run(run: str, point: growth.Point = point) -> Outcome:
                    return growth.run(self.environment, point, run, self.told.events)

                # A group of its own: Kafka takes a pod that comes back for the reader of what it read before.
                name = f"bench-growth-{growth.POINTS.index(point)}"
                outcome = self._try(f"factory with {point.name}", name, run)
                if outcome is not None:
                    self._tell(outcome)
                    self.report.growth[point.name].append(outcome)

    def traces(self) -> None:
        """What traces cost."""
        for number in range(1, self.told.rounds + 1):
            for setting in traces.SETTINGS:
                say(f"round {number}: factory with traces {setting}")

                def run(run: str, setting: str = setting) -> Outcome:
                    return traces.run(self.environment, setting, run, self.told.events)

                outcome = self._try(f"factory with traces {setting}", f"bench-traces-{setting}", run)
                if outcome is not None:
                    self._tell(outcome)
                    self.report.traces[setting].append(outcome)

    def latency(self) -> None:
        """How long events take to become rows."""
        for rate in self.told.rates:
            for name in self._live():
                system = SYSTEMS[name].NAME
                say(f"{rate:,} events a second on {system}")

                def run(run: str, system: str = system, rate: int = rate) -> live.Latency:
                    return live.measure(self.environment, system, run, rate)

                found = self._try(f"latency at {rate} a second on {system}", f"bench-{name}-live", run)
                if found is not None:
                    say(f"  p50 {found.p50_ms:,.0f} ms, p99 {found.p99_ms:,.0f} ms, {found.peak_mib:,.0f} MiB")
                    self.report.latencies[rate, system] = found

    def recovery(self) -> None:
        """How long they are away when they are killed."""
        for name in self._live():
            system = SYSTEMS[name].NAME
            say(f"SIGKILL to {system}, {self.told.rounds} times")

            def run(run: str, system: str = system) -> live.Recovery:
                return live.recover(self.environment, system, run, self.told.rounds)

            found = self._try(f"recovery of {system}", f"bench-{name}-live", run)
            if found is not None:
                say("  back after " + ", ".join(f"{seconds:.1f} s" for seconds in found.seconds))
                self.report.recoveries[system] = found

    def _live(self) -> list[str]:
        return [name for name in self.told.systems if name in LIVE]

    def _try(self, what: str, run: str, action: Callable[[str], T]) -> T | None:
        """Runs something over topics of its own. What fails is told at the end; the rest goes on."""
        self._clean(run)
        try:
            return action(run)
        except (RuntimeError, OSError, psycopg.Error, KafkaException) as error:
            say(f"  failed: {error}")
            self.failures.append(what)
            return None
        finally:
            self._clean(run)

    def _clean(self, run: str) -> None:
        topics.delete(self.environment, run)
        topics.delete(self.environment, link(run))
        self.environment.clean(run)
