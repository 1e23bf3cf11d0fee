"""The jobs, and which topic each reads."""

from dataclasses import dataclass

from harness.environment import PARTITIONS


@dataclass(frozen=True)
class Shape:
    """What a topic and its events are like."""

    partitions: int = PARTITIONS
    motors: int | None = None  # as many as so many events need
    channels: int = 0  # measurements of twenty bytes besides, which the job does not ask for
    traced: int = 0  # of so many events one comes with the context of a trace; none if 0

    def arguments(self) -> list[object]:
        """What our tool is told of it."""
        motors = [] if self.motors is None else ["--motors", self.motors]
        channels = [] if self.channels == 0 else ["--channels", self.channels]
        return motors + channels


AS_USUAL = Shape()


@dataclass(frozen=True)
class Workload:
    """A job."""

    name: str
    system: str  # whose events: factory or clickstream
    lake: bool = False
    enriched: bool = False
    raw: bool = False

    @property
    def pipeline(self) -> str:
        """Which resource declares it."""
        return "raw" if self.raw else self.system

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it fills."""
        return TABLES[self.system]


TABLES = {
    "factory": ("device_minutes",),
    "clickstream": ("page_view_counts", "active_users", "user_sessions"),
}

FACTORY = Workload("factory", "factory")
FACTORY_LAKE = Workload("factory + lake", "factory", lake=True)
CLICKSTREAM = Workload("clickstream", "clickstream")
CLICKSTREAM_LAKE = Workload("clickstream + enriched + lake", "clickstream", lake=True, enriched=True)

# Every event as a row, and nothing else.
RAW = Workload("raw table", "factory", raw=True)

# What every system is measured on.
ALL = (FACTORY, FACTORY_LAKE, CLICKSTREAM, CLICKSTREAM_LAKE)
