"""What is asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg

from harness.api import statements
from harness.api.data import READINGS, WINDOWS, Fleet
from harness.api.server import Server

LIMITS = (100, 10_000)
FEW = 10
DEEP = 50
MISSING = "MTR-99999"
# How often a request is made with each of its parameters.
TIMES = 4


@dataclass(frozen=True)
class Case:
    """Requests that are measured together."""

    name: str
    statement: str
    targets: tuple[str, ...]
    pages: int = 1  # how many, by the link to the next
    status: int = 200
    pause: float = 0  # before each request

    @property
    def asked(self) -> int:
        """Rows that are asked for at a time, with the one that tells whether there are more."""
        limits = (parse_qs(urlsplit(target).query).get("limit") for target in self.targets)
        return max(int(limit[0]) + 1 if limit else 1 for limit in limits)

    @property
    def times(self) -> int:
        """How often each is made."""
        return TIMES if self.pages == 1 else 1


@dataclass(frozen=True)
class Stretch:
    """The times that a list is over."""

    oldest: datetime
    newest: datetime

    def past(self, share: float) -> datetime:
        """The time that so much of the list is newer than."""
        return self.newest - (self.newest - self.oldest) * share


def stretch(server: Server, table: str, column: str) -> Stretch:
    """The times in a table."""
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(f"SELECT min({column}), max({column}) FROM {table}").fetchone()
    assert row is not None
    return Stretch(*row)


def every(server: Server, fleet: Fleet) -> list[Case]:
    """All of a pipeline."""
    readings = stretch(server, f"{fleet.name}.{READINGS}", "ts")
    windows = stretch(server, f"{fleet.name}.{WINDOWS}", "window_end")
    window = f"/windows/{WINDOWS}"
    return [
        *latest(fleet),
        *lists("/history", fleet, readings, statements.HISTORY, statements.HISTORY_OF_KEY),
        *keys(),
        *lists(window, fleet, windows, statements.MINUTES, statements.MINUTES_OF_KEY),
        Case("/health", statements.SHARDS, ("/health",), pause=1.6),  # it is looked at anew after 1.5 s
    ]


def some_keys(fleet: Fleet) -> dict[str, tuple[str, ...]]:
    """Keys by what they are to the planner."""
    alive = {1, fleet.devices // 2, fleet.devices - 1}
    return {
        "in service": tuple(fleet.device(number) for number in sorted(alive)),
        "retired": (fleet.device(0),),
        "unknown": (MISSING, "", "zzz"),
    }


def latest(fleet: Fleet) -> Iterator[Case]:
    """The newest reading."""
    yield Case("/latest", statements.LATEST, ("/latest",) * TIMES)
    for what, names in some_keys(fleet).items():
        targets = tuple(target("/latest", key=name) for name in names)
        status = 404 if what == "unknown" else 200
        yield Case(f"/latest?key, {what}", statements.LATEST_OF_KEY, targets, status=status)


def lists(path: str, fleet: Fleet, times: Stretch, of_all: str, of_key: str) -> Iterator[Case]:
    """Pages of a list: the newest, by key, of the past, and deep ones."""
    hour = {"from": times.past(0.5), "to": times.past(0.5) + timedelta(hours=1)}
    day = {"from": times.past(0.5), "to": times.past(0.5) + timedelta(days=1)}
    down = {"to": times.past(0.8)}
    never = {"from": times.newest + timedelta(days=365), "to": times.newest + timedelta(days=366)}
    spans: dict[str, dict[str, datetime]] = {
        "": {},
        ", an hour amid the past": hour,
        ", a day amid the past": day,
        ", the oldest fifth": down,
    }
    for said, span in spans.items():
        for limit in LIMITS if span else (FEW, *LIMITS):
            yield Case(f"{path}?limit={limit}{said}", of_all, (target(path, limit=limit, **span),))
            for what, names in some_keys(fleet).items():
                targets = tuple(target(path, limit=limit, key=name, **span) for name in names)
                yield Case(f"{path}?limit={limit}&key, {what}{said}", of_key, targets)
    yield Case(f"{path}?limit=100, a time to come", of_all, (target(path, limit=100, **never),))
    for said, span in {"": {}, " of the oldest fifth": down}.items():
        first = target(path, limit=100, **span)
        yield Case(f"{path}?limit=100, {DEEP} pages{said}", of_all, (first,), pages=DEEP)
        for number in (0, 1):
            first = target(path, limit=100, key=fleet.device(number), **span)
            what = "in service" if number else "retired"
            yield Case(f"{path}?limit=100&key, {what}, {DEEP} pages{said}", of_key, (first,), pages=DEEP)


def keys() -> Iterator[Case]:
    """The newest reading of each key."""
    for limit in (1_000, 10_000):
        yield Case(f"/keys?limit={limit}", statements.KEYS, (target("/keys", limit=limit),) * 2)
    yield Case(f"/keys?limit={FEW}, {DEEP} pages", statements.KEYS, (target("/keys", limit=FEW),), pages=DEEP)


def target(path: str, **parameters: object) -> str:
    """A path with its query."""
    return f"{path}?{urlencode({name: written(value) for name, value in parameters.items()})}"


def written(value: object) -> str:
    """A parameter as the API reads it."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return str(value)
