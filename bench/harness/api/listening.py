"""Listening to events while rows come, from now on, and coming back from earlier."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.api import coming as rows
from harness.api import statements
from harness.api.coming import Coming
from harness.api.data import PARTITIONS, Fleet
from harness.api.ledger import INCARNATION
from harness.api.serving import Api, Event

# Longer than it takes until PostgreSQL may plan without values: there is a look each second.
SECONDS = 20
# Readings that are read at a time at most, and the one more that tells that some are left out.
BATCH = 1_001
AWHILE = 3
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Listened:
    """A stream that was listened to, and which statement reads for it."""

    name: str
    statement: str
    events: list[Event]

    @property
    def readings(self) -> int:
        """Readings that came."""
        return sum(event.rows for event in self.events)

    @property
    def missing(self) -> bool:
        """Whether none came."""
        return self.readings == 0


def streams(api: Api, fleet: Fleet, coming: Coming) -> list[Callable[[], Listened]]:
    """The streams, to be listened to one after the other."""
    key = fleet.device(1)
    now_us = time.time_ns() // 1000

    topic = hashlib.sha256(INCARNATION.encode()).hexdigest()[:8]

    def back(marks: list[tuple[int, int]]) -> str:
        return "_".join([topic, *(f"{offset}-{watermark}" for offset, watermark in marks)]) + ".."

    def listen(name: str, statement: str, seconds: float, last: str | None = None, key: str | None = None) -> Listened:
        return Listened(name, statement, api.listen(seconds, key, last))

    def missed() -> str:
        return back([(coming.beyond - 20 * rows.BATCH, now_us - HOUR_US // 60)] * PARTITIONS)

    def idle() -> str:
        """All partitions are where they are, but for one that had nothing for an hour."""
        return back([(coming.beyond - rows.BATCH, now_us - 2 * HOUR_US)] + [(coming.beyond, now_us)] * (PARTITIONS - 1))

    def first() -> str:
        return "_".join([topic, *["0"] * PARTITIONS]) + ".."

    since, since_of_key = statements.SINCE, statements.SINCE_OF_KEY
    return [
        lambda: listen("/events", since, SECONDS),
        # What was read for all is enough for one key, too.
        lambda: listen("/events?key, in service", since, SECONDS, key=key),
        lambda: listen("/events, back after a while", since, AWHILE, missed()),
        lambda: listen("/events, back after an idle hour of a partition", since, AWHILE, idle()),
        lambda: listen("/events, from the first reading on", since, AWHILE, first()),
        lambda: listen("/events?key, in service, back after a while", since_of_key, AWHILE, missed(), key),
        lambda: listen("/events?key, in service, from the first reading on", since_of_key, AWHILE, first(), key),
    ]
