"""The API's statements, and what each may take.

Both bounds go by the rows that are asked for, and not by those there are. A row that is asked for may cost twenty
pages: a key takes a step to the next one, a way down the index to its newest reading, and readings of the same moment;
others take one or two. Rows that are read may be a hundred times as many: PostgreSQL takes a page from anywhere to cost
as much as a hundred rows that are next to each other, and of a span of time it rightly reads all of them then.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.api.data import READINGS, WINDOWS, Fleet
from harness.api.plans import Plan

ROWS_A_ROW, ROWS_BESIDES = 100, 100
PAGES_A_ROW, PAGES_BESIDES = 20, 200
# New readings are looked for among those of an hour at most (REACH_US of processor/src/serve/live/position.rs).
REACH_MS = 3_600_000

LATEST, LATEST_OF_KEY = "latest", "latest of a key"
HISTORY, HISTORY_OF_KEY = "history", "history of a key"
KEYS = "keys"
MINUTES, MINUTES_OF_KEY = "windows", "windows of a key"
SINCE, SINCE_OF_KEY = "new readings", "new readings of a key"
SHARDS, STATUS, PROBE = "shards", "status", "probe"
OF_READINGS = (LATEST, LATEST_OF_KEY, HISTORY, HISTORY_OF_KEY, KEYS, SINCE, SINCE_OF_KEY)
ALL = (*OF_READINGS, MINUTES, MINUTES_OF_KEY, SHARDS, STATUS, PROBE)
# Carried out only for clients that come back.
SELDOM = (SINCE_OF_KEY,)
# From the sixth execution on a connection PostgreSQL may plan without the parameters' values.
CUSTOM_PLANS = 5


def name_of(sql: str) -> str:
    """Which statement it is."""
    keyed = 't."device_id" = ANY' in sql
    match sql:
        case _ if "LIMIT 0" in sql:
            return PROBE
        case _ if "reader_shards" in sql:
            return SHARDS
        case _ if "reader_statuses" in sql:
            return STATUS
        case _ if "RECURSIVE" in sql:
            return KEYS
        case _ if WINDOWS in sql:
            return MINUTES_OF_KEY if keyed else MINUTES
        case _ if 't."_partition" + 1' in sql:
            return SINCE_OF_KEY if keyed else SINCE
        case _ if READINGS in sql and sql.endswith("LIMIT 1"):
            return LATEST_OF_KEY if keyed else LATEST
        case _ if READINGS in sql:
            return HISTORY_OF_KEY if keyed else HISTORY
        case _:
            raise RuntimeError(f"nobody knows this statement: {sql}")


@dataclass(frozen=True)
class Bound:
    """What a statement may take."""

    rows: int
    pages: int


def bound(statement: str, asked: int, fleet: Fleet, coming: int) -> Bound:
    """What a statement may take for so many rows, while so many readings have come besides."""
    besides = 0
    if statement == MINUTES:
        # Of every device a window ends at the same time: at the page's begin and at its end.
        besides = 2 * fleet.devices
    elif statement in (SINCE, SINCE_OF_KEY):
        # The only ones that look for their rows by something else than they are ordered by.
        besides = REACH_MS // fleet.every_ms + coming
    return Bound(
        rows=ROWS_A_ROW * asked + ROWS_BESIDES + besides,
        # A page of the table each, and seldom one of the index.
        pages=PAGES_A_ROW * asked + PAGES_BESIDES + 2 * besides,
    )


def excesses(plan: Plan, most: Bound) -> Iterator[str]:
    """What is not as it should be."""
    for table in plan.sequential():
        if table in (READINGS, WINDOWS):
            yield f"reads all of {table}"
    if plan.read > most.rows:
        yield f"reads {plan.read:,} rows, and may {most.rows:,}"
    if plan.sorted > most.rows:
        yield f"sorts {plan.sorted:,} rows, and may {most.rows:,}"
    if plan.buffers > most.pages:
        yield f"looks at {plan.buffers:,} pages, and may at {most.pages:,}"


def shortened(sql: str) -> str:
    """A statement without the list of what it selects, which says little."""
    selected = r"SELECT (t\.\"device_id\"::text|\(extract).*? FROM (?=\(|\")"
    return re.sub(selected, "SELECT … FROM ", " ".join(sql.split()))
