"""What a run has given out: rows in PostgreSQL, records in topics, files in a lake."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import KafkaError, Message, TopicPartition

from harness import topics
from harness.environment import Environment
from harness.pipelines import SCHEMA

# How long reading a topic may take, and how long to wait for as many records as are taken at once.
PATIENCE = 300
SIP = 0.1

TIME = pa.timestamp("us")
COLUMNS = {
    "device_minutes": {
        "window_start": TIME,
        "device_id": pa.string(),
        "event_count": pa.int64(),
        "avg_temperature_c": pa.float64(),
        "max_vibration_g": pa.float64(),
    },
    "page_view_counts": {"window_start": TIME, "page_url": pa.string(), "view_count": pa.int64()},
    "active_users": {"window_start": TIME, "active_users_count": pa.int64()},
    "user_sessions": {
        "user_id": pa.string(),
        "session_start_time": TIME,
        "session_end_time": TIME,
        "session_duration_seconds": pa.int64(),
    },
    "alerts": {"device_id": pa.string(), "ts": TIME},
}


@dataclass
class Found:
    """The findings; None where the job gives out nothing of the kind."""

    tables: dict[str, pa.Table] = field(default_factory=dict)
    alerts: pa.Table | None = None
    enriched: int | None = None
    lake: int | None = None


def tables(url: str, names: tuple[str, ...]) -> dict[str, pa.Table]:
    """Tables of a database."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {name: _table(connection, name) for name in names}


def _table(connection: psycopg.Connection, name: str) -> pa.Table:
    columns = COLUMNS[name]
    # The finale's rows are there or not, as a system likes it.
    real = {"device_id": "device_id NOT LIKE 'FINAL-%'", "user_id": "user_id NOT LIKE 'final-%'"}
    where = [condition for column, condition in real.items() if column in columns] or ["true"]
    wanted = ", ".join(f"{c} AT TIME ZONE 'UTC'" if type_ == TIME else c for c, type_ in columns.items())
    rows = connection.execute(f"SELECT {wanted} FROM {SCHEMA}.{name} WHERE {where[0]}").fetchall()
    return _arrow(name, (dict(zip(columns, row, strict=True)) for row in rows))


def _arrow(name: str, rows: Iterator[dict]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=pa.schema(list(COLUMNS[name].items())))


def messages(environment: Environment, topic: str) -> Iterator[Message]:
    """Every record of a topic that is committed."""
    reader = topics.consumer(environment)
    open_ = set(topics.ends(environment, topic))
    reader.assign([TopicPartition(topic, partition, 0) for partition in open_])
    deadline = time.monotonic() + PATIENCE
    while open_:
        if time.monotonic() > deadline:
            raise TimeoutError(f"topic {topic} does not come to its end")
        for message in reader.consume(10_000, SIP):
            if message.error() is None:
                yield message
            elif message.error().code() == KafkaError._PARTITION_EOF:
                open_.discard(message.partition())
    reader.close()


def count(environment: Environment, topic: str) -> int:
    """How many records a topic has."""
    return sum(1 for _ in messages(environment, topic))


def alerts_of_ours(environment: Environment, topic: str) -> pa.Table:
    """Our alerts, which have the reading as a member."""
    values = (json.loads(message.value())["reading"] for message in messages(environment, topic))
    return _alerts(values)


def alerts(environment: Environment, topic: str) -> pa.Table:
    """Alerts that are the reading itself."""
    return _alerts(json.loads(message.value()) for message in messages(environment, topic))


def _alerts(readings: Iterator[dict]) -> pa.Table:
    real = (reading for reading in readings if not reading["device_id"].startswith("FINAL-"))
    return _arrow("alerts", ({"device_id": r["device_id"], "ts": _time(r["ts"])} for r in real))


def latest(environment: Environment, topic: str, table: str) -> pa.Table:
    """A table whose rows are records: the last one of each key counts, and none if it has no value."""
    rows: dict[bytes, bytes] = {}
    for message in messages(environment, topic):
        if message.value() is None:
            rows.pop(message.key(), None)
        else:
            rows[message.key()] = message.value()
    return _arrow(table, (_row(table, value) for key, value in rows.items() if not key.lower().startswith(b"final-")))


def _row(table: str, value: bytes) -> dict:
    row = json.loads(value)
    return {c: _millis(row[c]) if type_ == TIME else row[c] for c, type_ in COLUMNS[table].items()}


def _millis(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1_000, UTC).replace(tzinfo=None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def lake_rows(folder: Path) -> int:
    """How many rows the files of a lake have."""
    return sum(pq.read_metadata(file).num_rows for file in folder.rglob("*.parquet"))
