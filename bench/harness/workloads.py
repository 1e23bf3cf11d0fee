"""The jobs, and which topic each reads."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """A job."""

    name: str
    system: str  # whose events: factory or clickstream
    lake: bool = False
    enriched: bool = False

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

ALL = (FACTORY, FACTORY_LAKE, CLICKSTREAM, CLICKSTREAM_LAKE)
