"""What comes of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Outcome:
    """One run of one job on one system."""

    seconds: float
    peak_mib: float
    # Of the whole process, its start-up too.
    cpu_seconds: float
    # What differs from the truth, in words; nothing where all is as it should be.
    differences: list[str] = field(default_factory=list)
    # How many rows were written for it, if they are counted.
    rows: int | None = None


@dataclass(frozen=True)
class Medians:
    """Of several runs of one job."""

    events_per_second: float
    least_events_per_second: float
    greatest_events_per_second: float
    seconds: float
    peak_mib: float
    cpu_seconds: float
    cpu_micros_per_event: float

    @classmethod
    def of(cls, runs: Sequence[Outcome], events: int) -> "Medians":
        """Each run over so many events."""
        speeds = [events / run.seconds for run in runs]
        cpu = median(run.cpu_seconds for run in runs)
        return cls(
            events_per_second=median(speeds),
            least_events_per_second=min(speeds),
            greatest_events_per_second=max(speeds),
            seconds=median(run.seconds for run in runs),
            peak_mib=median(run.peak_mib for run in runs),
            cpu_seconds=cpu,
            cpu_micros_per_event=cpu / events * 1e6,
        )
