"""What was measured, as JSON and as tables."""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from statistics import median

from harness import plot
from harness.live import GRACE, KILLED_AT, MEASURED, Latency, Recovery
from harness.outcome import Medians, Outcome

BEGIN = "<!-- results: written by make bench -->"
END = "<!-- end of results -->"


@dataclass
class Entry:
    """A line of the results. Of several rounds, medians; and beside them the least and the greatest."""

    workload: str
    system: str
    events_per_second: float
    peak_memory_mib: float
    seconds: float
    more: dict = field(default_factory=dict)

    def as_json(self) -> dict:
        """As results.json has it."""
        line = asdict(self)
        more = line.pop("more")
        return {**line, **more}


class Report:
    """Collects what is measured."""

    def __init__(self, events: int):
        self.events = events
        self.outcomes: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
        self.growth: dict[str, list[Outcome]] = defaultdict(list)
        self.traces: dict[str, list[Outcome]] = defaultdict(list)
        self.latencies: dict[tuple[int, str], Latency] = {}
        self.recoveries: dict[str, Recovery] = {}
        self.instructions: dict[str, int] = {}

    def add(self, workload: str, system: str, outcome: Outcome) -> None:
        """Adds a run of a job."""
        self.outcomes[workload, system].append(outcome)

    def entries(self) -> list[Entry]:
        """Every line."""
        return [
            *(self._job(workload, system, runs) for (workload, system), runs in self.outcomes.items()),
            *(self._job(f"factory: {point}", "SensorStream", runs) for point, runs in self.growth.items()),
            *(self._job(f"factory: traces {setting}", "SensorStream", runs) for setting, runs in self.traces.items()),
            *(self._latency(rate, system, found) for (rate, system), found in self.latencies.items()),
            *(self._recovery(system, found) for system, found in self.recoveries.items()),
        ]

    def _job(self, workload: str, system: str, runs: list[Outcome]) -> Entry:
        found = Medians.of(runs, self.events)
        spread = [found.least_events_per_second, found.greatest_events_per_second]
        return Entry(
            workload,
            system,
            round(found.events_per_second),
            round(found.peak_mib, 1),
            round(found.seconds, 2),
            {
                "cpu_seconds": round(found.cpu_seconds, 1),
                "cpu_micros_per_event": round(found.cpu_micros_per_event, 2),
                "spread_events_per_second": [round(speed) for speed in spread],
                "rounds": len(runs),
                **({} if runs[-1].rows is None else {"rows": runs[-1].rows}),
                "differences": sorted({words for run in runs for words in run.differences}),
            },
        )

    def _latency(self, rate: int, system: str, found: Latency) -> Entry:
        # JSON has no infinity.
        percentiles = {"p50_ms": found.p50_ms, "p99_ms": found.p99_ms}
        finite = {name: round(ms, 1) if isfinite(ms) else None for name, ms in percentiles.items()}
        more = {**finite, "samples": found.events, "missing": found.missing}
        return Entry(f"event to row at {rate} a second", system, rate, round(found.peak_mib, 1), MEASURED, more)

    def _recovery(self, system: str, found: Recovery) -> Entry:
        times = found.seconds
        more = {"spread_seconds": [round(min(times), 2), round(max(times), 2)], "rounds": len(times)}
        seconds = round(median(times), 2)
        return Entry("recovery after SIGKILL", system, KILLED_AT, round(found.peak_mib, 1), seconds, more)

    def write(self, path: Path) -> None:
        """Writes results.json."""
        lines = [json.dumps(entry.as_json()) for entry in self.entries()]
        path.write_text("[\n  " + ",\n  ".join(lines) + "\n]\n")

    def tables(self) -> str:
        """The results for people, in Markdown."""
        parts = [self._jobs_table()] if self.outcomes else []
        if self.latencies:
            parts.append(self._latency_table())
        if self.recoveries:
            parts.append(self._recovery_table())
        if self.growth:
            parts.append(self._growth_table())
        if self.traces:
            parts.append(self._traces_table())
        if self.instructions:
            parts.append(self._instructions_table())
        return "\n\n".join(parts)

    def _jobs_table(self) -> str:
        ours = {e.workload: e.events_per_second for e in self.entries() if e.system == "SensorStream"}
        head = ["job", "system", "events a second (least to greatest)", "SensorStream's is", "memory, MiB"]
        head += ["seconds", "CPU seconds", "results"]
        lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for (workload, system), runs in self.outcomes.items():
            entry = self._job(workload, system, runs)
            least, greatest = entry.more["spread_events_per_second"]
            times = f"{ours[workload] / entry.events_per_second:.2f} ×" if workload in ours else "–"
            said = "; ".join(entry.more["differences"]) or ("–" if system == "bare loop" else "as they should be")
            lines.append(
                f"| {workload} | {system} | {entry.events_per_second:,} ({least:,} to {greatest:,})"
                f" | {times} | {entry.peak_memory_mib:,.0f} | {entry.seconds} | {entry.more['cpu_seconds']} | {said} |"
            )
        return "\n".join(lines)

    def _growth_table(self) -> str:
        head = ["the factory job with", "events a second (least to greatest)", "µs of CPU an event", "memory, MiB", "rows"]
        lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for point, runs in self.growth.items():
            entry = self._job(point, "SensorStream", runs)
            least, greatest = entry.more["spread_events_per_second"]
            cost = entry.more["cpu_micros_per_event"]
            said = "".join(f"; {words}" for words in entry.more["differences"])
            lines.append(
                f"| {point}{said} | {entry.events_per_second:,} ({least:,} to {greatest:,})"
                f" | {cost:.2f} | {entry.peak_memory_mib:,.0f} | {entry.more['rows']:,} |"
            )
        return "\n".join(lines)

    def _traces_table(self) -> str:
        head = ["traces", "events a second (least to greatest)", "µs of CPU an event", "memory, MiB"]
        lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for setting, runs in self.traces.items():
            entry = self._job(setting, "SensorStream", runs)
            least, greatest = entry.more["spread_events_per_second"]
            said = "".join(f"; {words}" for words in entry.more["differences"])
            lines.append(
                f"| {setting}{said} | {entry.events_per_second:,} ({least:,} to {greatest:,})"
                f" | {entry.more['cpu_micros_per_event']:.2f} | {entry.peak_memory_mib:,.0f} |"
            )
        return "\n".join(lines)

    def _latency_table(self) -> str:
        lines = ["| events a second | system | p50, ms | p99, ms | memory, MiB |", "|---|---|---|---|---|"]
        for (rate, system), found in self.latencies.items():
            late = f"not within {GRACE} s"
            p50, p99 = (f"{ms:,.0f}" if isfinite(ms) else late for ms in (found.p50_ms, found.p99_ms))
            numbers = f"{p50} | {p99} | {found.peak_mib:,.0f}"
            lines.append(f"| {rate:,} | {system} | {numbers} |")
        return "\n".join(lines)

    def _recovery_table(self) -> str:
        lines = ["| system | seconds from SIGKILL to the first new row (least to greatest) |", "|---|---|"]
        for system, found in self.recoveries.items():
            times = found.seconds
            lines.append(f"| {system} | {median(times):.1f} ({min(times):.1f} to {max(times):.1f}) |")
        return "\n".join(lines)

    def _instructions_table(self) -> str:
        lines = ["| hot path | instructions an event |", "|---|---|"]
        lines += [f"| {name} | {count:,} |" for name, count in self.instructions.items()]
        return "\n".join(lines)

    def put_into(self, readme: Path, machine: str) -> None:
        """Puts the tables where the README has its results, and the plot beside it."""
        if self.growth:
            plot.draw(readme.parent / "growth.svg", self.growth, self.events)
        text = readme.read_text()
        before, rest = text.split(BEGIN, 1)
        _, after = rest.split(END, 1)
        readme.write_text(f"{before}{BEGIN}\n\n{machine}\n\n{self.tables()}\n\n{END}{after}")
