"""How what an event costs grows with partitions, keys, the size of events, and windows: the factory job, with one of
these changed at a time."""

from dataclasses import dataclass

import psycopg
from psycopg import sql

from harness import databases, pipelines, topics
from harness.environment import Environment
from harness.outcome import Outcome
from harness.pipelines import SCHEMA, Settings
from harness.systems import sensorstream
from harness.workloads import FACTORY, Shape

# Motors unless it says otherwise.
MOTORS = 10_000
# So many make an event of 140 bytes one of a kilobyte.
CHANNELS = 43
# Windows of one to so many minutes, of each motor and of each line.
LENGTHS = 10


@dataclass(frozen=True)
class Point:
    """One measurement."""

    name: str
    shape: Shape
    windows: str = ""

    @property
    def tables(self) -> list[str]:
        """The tables that it fills."""
        more = [f"{of}_minutes_{length}" for of, length in MORE] if self.windows else []
        return ["device_minutes", *more]


# With the first one of the job itself, twenty.
MORE = [(of, length) for of in ("device", "line") for length in range(1, LENGTHS + 1)][1:]


def windows() -> str:
    """Nineteen windows more, as YAML."""
    one = """
    - name: {of}_minutes_{length}
      tumbling: {{ size: {length}m }}
      groupBy: [{group}]
      aggregates:
        - {{ as: event_count, count: {{}} }}
        - {{ as: avg_temperature_c, avg: {{ field: temperature_c }} }}
        - {{ as: max_vibration_g, max: {{ field: vibration_g }} }}"""
    return "".join(one.format(of=of, length=n, group="device_id" if of == "device" else "line") for of, n in MORE)


POINTS = (
    Point("3 partitions, 10⁴ keys, 140 B, 1 window", Shape(motors=MOTORS)),
    Point("12 partitions", Shape(partitions=12, motors=MOTORS)),
    Point("10² keys", Shape(motors=100)),
    Point("10⁶ keys", Shape(motors=1_000_000)),
    Point("1 kB", Shape(motors=MOTORS, channels=CHANNELS)),
    Point("20 windows", Shape(motors=MOTORS), windows()),
)


def run(environment: Environment, point: Point, run: str, events: int) -> Outcome:
    """Runs the job over a topic of that shape."""
    topic = topics.preload(environment, "factory", events, point.shape)
    with databases.database(environment, run.replace("-", "_")) as url:
        settings = Settings(partitions=point.shape.partitions, windows=point.windows)
        config, _ = pipelines.prepare(environment, FACTORY, topic, run, url, settings)
        databases.settle(environment)
        process = sensorstream.start(environment, config, url, run)
        try:
            begin, end = sensorstream.watch(environment, FACTORY, topic, run, url, process)
        finally:
            process.kill()
        rows, counted = look(url, point)
    wrong = [] if counted == events else [f"{counted} events in rows, of {events}"]
    return Outcome(end - begin, process.peak_mib, process.cpu_seconds, wrong, rows)


def look(url: str, point: Point) -> tuple[int, int]:
    """How many rows there are, and how many events they count."""
    counted = sql.SQL("SELECT sum(event_count) FROM {} WHERE device_id NOT LIKE 'FINAL-%'")
    every = sql.SQL("SELECT count(*) FROM {}")
    with psycopg.connect(url) as connection:
        rows = [one(connection, every, table) for table in point.tables]
        return sum(rows), one(connection, counted, "device_minutes")


def one(connection: psycopg.Connection, statement: sql.SQL, table: str) -> int:
    """The number that a question about a table is answered with."""
    row = connection.execute(statement.format(sql.Identifier(SCHEMA, table))).fetchone()
    return int(row[0] or 0) if row else 0
