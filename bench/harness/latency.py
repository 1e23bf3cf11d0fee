"""From an event to its row: how long, at a steady rate.

The same for every system. A trigger on the table tells who listens which row was written, with PostgreSQL's
NOTIFY, which arrives when the transaction has been committed; it does so for every hundredth device. An event's
row is there when a row of its device and minute arrives that counts it. The time is from when the event is made,
just before it is sent, to then.
"""

import threading
import time
from bisect import bisect_left
from collections import defaultdict
from pathlib import Path

import psycopg

from harness.environment import Environment
from harness.pipelines import SCHEMA
from harness.processes import Measured

TRIGGER = f"""
CREATE FUNCTION {SCHEMA}.notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('rows', format('%s %s %s', NEW.device_id,
                                     extract(epoch FROM NEW.window_start)::bigint, NEW.event_count));
    RETURN NULL;
END $$;
CREATE TRIGGER notice AFTER INSERT OR UPDATE ON {SCHEMA}.device_minutes FOR EACH ROW
  WHEN (NEW.device_id LIKE 'MTR-%00') EXECUTE FUNCTION {SCHEMA}.notice();
"""
# A row, by its device and its minute.
Key = tuple[str, int]


class Notices:
    """Listens to which rows are written."""

    def __init__(self, url: str):
        with psycopg.connect(url) as connection:
            connection.execute(TRIGGER)
        self._arrived: dict[Key, list[tuple[int, float]]] = defaultdict(list)
        self._over = threading.Event()
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("LISTEN rows")
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def close(self) -> None:
        """Listens no longer."""
        self._over.set()
        self._listener.join()
        self._connection.close()

    def arrived(self) -> dict[Key, list[tuple[int, float]]]:
        """For each row the events that it counted when it was written, and when that was, in order."""
        return {key: list(times) for key, times in list(self._arrived.items())}

    def _listen(self) -> None:
        while not self._over.is_set():
            for notice in self._connection.notifies(timeout=0.2):
                now = time.time()
                device, minute, count = notice.payload.split()
                self._arrived[device, int(minute)].append((int(count), now))


def pace(environment: Environment, topic: str, rate: int, seconds: int, name: str) -> tuple[Measured, Path]:
    """Starts to send events. Answers where the times of those that are watched are noted."""
    notes = environment.scratch / f"{name}.notes"
    notes.write_text("")
    command = [environment.tool, "pace", "--topic", topic, "--bootstrap", environment.bootstrap]
    command += ["--rate", str(rate), "--seconds", str(seconds), "--notes", notes]
    return Measured(command, environment.scratch / f"{name}.log"), notes


def sent(notes: Path) -> dict[Key, list[float]]:
    """For each row when its events were made, in order."""
    rows: dict[Key, list[float]] = defaultdict(list)
    text = notes.read_text()
    for line in text[: text.rfind("\n") + 1].splitlines():
        device, micros = line.split()
        # A row's minute goes by the time in the event, which has milliseconds.
        rows[device, int(micros) // 60_000_000 * 60].append(int(micros) / 1e6)
    return rows


def latencies(
    sent_: dict[Key, list[float]], arrived: dict[Key, list[tuple[int, float]]], since: float
) -> tuple[list[float], int]:
    """How long each event that was made since then took, and how many never arrived."""
    found, missing = [], 0
    for key, times in sent_.items():
        counts: list[int] = []
        moments: list[float] = []
        for count, moment in arrived.get(key, []):
            if not counts or count > counts[-1]:
                counts.append(count)
                moments.append(moment)
        for number, moment in enumerate(times, start=1):
            if moment < since:
                continue
            at = bisect_left(counts, number)
            if at == len(counts):
                missing += 1
            else:
                found.append(moments[at] - moment)
    return found, missing


def newest(sent_: dict[Key, list[float]], arrived: dict[Key, list[tuple[int, float]]]) -> list[tuple[float, float]]:
    """When rows arrived, and when the newest event in each was made; in order of arrival."""
    pairs = [
        (moment, sent_[key][count - 1])
        for key, times in arrived.items()
        for count, moment in times
        if key in sent_ and count <= len(sent_[key])
    ]
    return sorted(pairs)


def percentile(values: list[float], share: float) -> float:
    """The least value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
