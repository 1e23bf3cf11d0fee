"""Rows that come meanwhile, as the processor writes them: readings, open windows and offsets in one transaction.
The second device is always among them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from harness.api.data import LATE, PARTITIONS, READINGS, WINDOWS, Fleet
from harness.api.server import Server

BATCH = 100
EVERY = 0.25
STATEMENT = f"""
WITH made AS (
    SELECT n, CASE WHEN n = {{first}} THEN 1 ELSE 1 + floor(random() * {{others}})::int END AS device,
           now() - random() * interval '1 s' * CASE WHEN random() < {LATE} THEN 60 ELSE 1 END AS ts
      FROM generate_series({{first}}, {{first}} + {BATCH - 1}) AS n OFFSET 0),
named AS (SELECT *, 'MTR-' || lpad(device::text, 5, '0') AS device_id FROM made),
readings AS (
    INSERT INTO {{schema}}.{READINGS}
    SELECT device_id, ts, 60 + random() * 20, random() * 0.4, 'OK', 'fab1', 'L0' || 1 + device % 3,
           device % {PARTITIONS}, n
      FROM named),
windows AS (
    INSERT INTO {{schema}}.{WINDOWS}
    SELECT date_trunc('minute', ts), date_trunc('minute', ts) + interval '1 min', device_id, count(*), 70, 0.2,
           min(device) % {PARTITIONS}
      FROM named GROUP BY device_id, date_trunc('minute', ts)
    ON CONFLICT (window_start, device_id)
    DO UPDATE SET event_count = {WINDOWS}.event_count + excluded.event_count)
UPDATE sensorstream.shards
   SET next_offset = {{first}} + {BATCH}, records_read = records_read + {BATCH}, accepted = accepted + {BATCH},
       watermark = now() - interval '2 min', last_commit_at = now()
 WHERE pipeline = '{{pipeline}}'"""


@dataclass
class Coming:
    """How far it is."""

    first: int
    beyond: int
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def coming(server: Server, fleet: Fleet, first: int) -> Iterator[Coming]:
    """Has rows come, from an offset on, a hundred at a time."""
    state = Coming(first, first)
    thread = threading.Thread(target=insert, args=(server, fleet, state), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.ended.set()
        thread.join()


def insert(server: Server, fleet: Fleet, state: Coming) -> None:
    """Inserts until it is told to end."""
    names = {"schema": fleet.name, "pipeline": fleet.pipeline, "others": fleet.devices - 1}
    with psycopg.connect(server.url(), autocommit=True) as connection:
        while not state.ended.wait(EVERY):
            connection.execute(STATEMENT.format(first=state.beyond, **names))
            state.beyond += BATCH
