"""Pipelines with tables as the operator makes them, filled as a factory fills them: by time, a few readings late."""

from dataclasses import dataclass

import psycopg

from harness.api.server import Server
from harness.say import say

NAMESPACE = "bench"
PARTITIONS = 3
READINGS, WINDOWS = "sensor_readings", "device_minutes"
CHUNK = 1_000_000
# With fewer rows it would be right to read all of a table for its greatest page.
ENOUGH = 200_000
# Readings of one moment, of the same or of different devices.
MOMENT = 4
# One reading in a hundred is late, by up to a minute.
LATE = 0.01
# The first device has sent much, and nothing since long. No query may go through all that came after it.
RETIRED_SHARE = 0.05
RETIRED_AFTER = 0.6

# As the operator makes them; the indexes come after the rows here, which is quicker and leaves the same.
TABLES = f"""
CREATE SCHEMA {{schema}};
CREATE TABLE {{schema}}.{READINGS} (
    device_id text NOT NULL, ts timestamptz NOT NULL, temperature_c double precision NOT NULL,
    vibration_g double precision NOT NULL, status text, site text, line text, _partition integer, _offset bigint);
CREATE TABLE {{schema}}.{WINDOWS} (
    window_start timestamptz, window_end timestamptz NOT NULL, device_id text, event_count bigint,
    avg_temperature_c double precision, max_vibration_g double precision, _partition integer NOT NULL,
    PRIMARY KEY (window_start, device_id))
"""
INDEXES = (
    f"CREATE INDEX ON {{schema}}.{READINGS} (ts DESC)",
    f"CREATE INDEX ON {{schema}}.{READINGS} (device_id, ts DESC)",
    f"CREATE INDEX ON {{schema}}.{WINDOWS} (window_end DESC)",
    f"CREATE INDEX ON {{schema}}.{WINDOWS} (device_id, window_end DESC)",
)


@dataclass(frozen=True)
class Fleet:
    """The devices of a pipeline, and how much they have sent."""

    name: str  # the pipeline's and its schema's
    devices: int
    readings: int
    windows: int
    every_ms: int  # between readings, of whichever device

    @property
    def pipeline(self) -> str:
        """The pipeline in the commit log."""
        return f"{NAMESPACE}/{self.name}"

    @property
    def minutes(self) -> int:
        """Minutes that have windows: the last ones."""
        return self.windows // self.devices

    @staticmethod
    def device(number: int) -> str:
        """A device's name. The first one is retired."""
        return f"MTR-{number:05}"


def fleets(rows: int) -> list[Fleet]:
    """A factory, and a mill that has so few devices that the index on time alone tempts the planner."""
    return [
        Fleet("factory", devices=1_000, readings=rows, windows=max(rows // 10, ENOUGH), every_ms=12),
        Fleet("mill", devices=4, readings=rows // 10, windows=max(rows // 50, ENOUGH), every_ms=250),
    ]


def make(server: Server, fleet: Fleet) -> None:
    """Makes and fills a pipeline's tables."""
    say(f"{fleet.name}: {fleet.readings:,} readings and {fleet.windows:,} windows of {fleet.devices:,} devices")
    with psycopg.connect(server.url()) as connection:
        connection.execute(TABLES.format(schema=fleet.name))
        connection.execute("SELECT setseed(0.5)")
        for first in range(0, fleet.readings, CHUNK):
            connection.execute(readings(fleet, first, min(first + CHUNK, fleet.readings)))
        connection.execute(windows(fleet))
    say(f"{fleet.name}: indexes and statistics")
    for index in INDEXES:
        server.execute(index.format(schema=fleet.name))
    for table in (READINGS, WINDOWS):
        server.alone(f"VACUUM (ANALYZE) {fleet.name}.{table}")
    server.alone("CHECKPOINT")


def readings(fleet: Fleet, first: int, beyond: int) -> str:
    """The statement for readings of some numbers. The last one of all is of now, in the time of the transaction; a
    number is an offset too: each partition has its own of them, with gaps in between."""
    retired = f"n < {int(fleet.readings * RETIRED_AFTER)} AND random() < {RETIRED_SHARE}"
    moment = f"(n / {MOMENT} * {MOMENT} - {fleet.readings})::float8 * {fleet.every_ms}"
    return f"""
        INSERT INTO {fleet.name}.{READINGS}
        SELECT 'MTR-' || lpad(device::text, 5, '0'),
               now() + ({moment} - late * 60000) * interval '1 millisecond',
               round((60 + random() * 20)::numeric, 1)::float8, random() * 0.4,
               CASE WHEN random() < 0.97 THEN 'OK' ELSE 'WARN' END, 'fab1', 'L0' || 1 + device % 3,
               device % {PARTITIONS}, n
          FROM (SELECT n, CASE WHEN {retired} THEN 0 ELSE 1 + floor(random() * {fleet.devices - 1})::int END AS device,
                       CASE WHEN random() < {LATE} THEN random() ELSE 0 END AS late
                  FROM generate_series({first}, {beyond - 1}) AS n OFFSET 0) AS made"""


def windows(fleet: Fleet) -> str:
    """The statement for all windows: of every device in service each minute."""
    retired = f"minute >= {int(fleet.minutes * RETIRED_AFTER)} AND device = 0"
    return f"""
        INSERT INTO {fleet.name}.{WINDOWS}
        SELECT start, start + interval '1 min', 'MTR-' || lpad(device::text, 5, '0'),
               1 + floor(random() * 9), 60 + random() * 20, random() * 0.4, device % {PARTITIONS}
          FROM (SELECT minute, device,
                       date_trunc('minute', now()) + (minute - {fleet.minutes}) * interval '1 min' AS start
                  FROM generate_series(0, {fleet.minutes - 1}) AS minute,
                       generate_series(0, {fleet.devices - 1}) AS device) AS made
         WHERE NOT ({retired})"""
