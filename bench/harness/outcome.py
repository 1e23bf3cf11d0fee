"""What comes of a run."""

from dataclasses import dataclass, field


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
