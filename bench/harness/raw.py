"""Every accepted reading as a row: ours, and beside it PostgreSQL's COPY alone, of the same rows into the same kind of
table."""

import threading
import time
from pathlib import Path

import psycopg
from psycopg import sql

from harness import databases, topics
from harness.environment import PARTITIONS, Environment
from harness.outcome import Outcome
from harness.pipelines import SCHEMA
from harness.systems import sensorstream
from harness.workloads import RAW

TABLE = sql.Identifier(SCHEMA, "readings")
COPIED = sql.Identifier(SCHEMA, "copied")
# What is read of a file and sent at a time.
BLOCK = 1 << 20


def run(environment: Environment, run: str, events: int) -> tuple[Outcome, Outcome]:
    """Runs ours to the topic's end, and then COPY with what has come of it."""
    topic = topics.preload(environment, RAW.system, events)
    with databases.database(environment, run.replace("-", "_")) as url:
        done = sensorstream.to_the_end(environment, RAW, topic, run, url)
        rows = count(url, TABLE)
        # The events that end the partitions are readings too.
        expected = events + PARTITIONS
        wrong = [] if rows == expected else [f"{rows} rows, of {expected}"]
        return done.outcome(wrong, rows), copy(environment, run, url)


def copy(environment: Environment, run: str, url: str) -> Outcome:
    """Copies the table's rows into another one like it, a connection a partition."""
    folder = environment.folder(f"{run}-rows")
    files = [dump(url, partition, folder) for partition in range(PARTITIONS)]
    make = sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(COPIED, TABLE)
    databases.execute(url, make)
    databases.settle(environment)
    threads = [threading.Thread(target=load, args=(url, file)) for file in files]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end = time.monotonic()
    rows, expected = count(url, COPIED), count(url, TABLE)
    wrong = [] if rows == expected else [f"{rows} rows, of {expected}"]
    return Outcome(end - begin, 0, 0, wrong, rows)


def dump(url: str, partition: int, folder: Path) -> Path:
    """Writes a partition's rows to a file, in COPY's binary format and the order of the log."""
    path = folder / f"{partition}.copy"
    statement = sql.SQL("COPY (SELECT * FROM {} WHERE _partition = {} ORDER BY _offset) TO STDOUT (FORMAT binary)")
    with psycopg.connect(url) as connection, path.open("wb") as file:
        with connection.cursor().copy(statement.format(TABLE, sql.Literal(partition))) as blocks:
            for block in blocks:
                file.write(block)
    return path


def load(url: str, path: Path) -> None:
    """Copies a file into the table."""
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(COPIED)
    with psycopg.connect(url) as connection, path.open("rb") as file:
        with connection.cursor().copy(statement) as into:
            while block := file.read(BLOCK):
                into.write(block)


def count(url: str, table: sql.Identifier) -> int:
    """How many rows a table has."""
    return databases.number(url, sql.SQL("SELECT count(*) FROM {}").format(table))
