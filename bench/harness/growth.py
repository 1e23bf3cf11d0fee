"""How what an event costs grows with partitions, keys, the size of events, and windows: the factory job, with one of
these changed at a time."""

from dataclasses import dataclass

from psycopg import sql

from harness import databases, topics
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
        done = sensorstream.to_the_end(environment, FACTORY, topic, run, url, settings)
        rows, counted = look(url, point)
    return done.outcome([] if counted == events else [f"{counted} events in rows, of {events}"], rows)


def look(url: str, point: Point) -> tuple[int, int]:
    """How many rows there are, and how many events they count."""
    counted = sql.SQL("SELECT sum(event_count) FROM {} WHERE device_id NOT LIKE 'FINAL-%'")
    every = sql.SQL("SELECT count(*) FROM {}")
    tables = {table: sql.Identifier(SCHEMA, table) for table in point.tables}
    rows = [databases.number(url, every.format(table)) for table in tables.values()]
    return sum(rows), databases.number(url, counted.format(tables["device_minutes"]))
