"""What must come out of the events, computed once from the topic by SQL, in DuckDB."""

from pathlib import Path

import duckdb
import pyarrow as pa

from harness import results
from harness.environment import Environment
from harness.results import Found

# What is only there to close windows, which no system needs to have written.
REAL = {
    "factory": "device_id NOT LIKE 'FINAL-%'",
    "clickstream": "user_id NOT LIKE 'final-%'",
}

EVENTS = {
    "factory": "{device_id: 'VARCHAR', ts: 'TIMESTAMP', temperature_c: 'DOUBLE', vibration_g: 'DOUBLE'}",
    "clickstream": "{event_time: 'TIMESTAMP', user_id: 'VARCHAR', page_url: 'VARCHAR', event_type: 'VARCHAR'}",
}

TABLES = {
    "device_minutes": """
        SELECT time_bucket(INTERVAL '1 minute', ts) AS window_start, device_id, count(*) AS event_count,
               avg(temperature_c) AS avg_temperature_c, max(vibration_g) AS max_vibration_g
          FROM events GROUP BY ALL""",
    "alerts": """
        SELECT device_id, ts FROM events WHERE temperature_c > 85 OR vibration_g > 0.5""",
    "page_view_counts": """
        SELECT time_bucket(INTERVAL '1 minute', event_time) AS window_start, page_url, count(*) AS view_count
          FROM events WHERE event_type = 'page_view' GROUP BY ALL""",
    "active_users": """
        SELECT time_bucket(INTERVAL '1 minute', event_time) - to_minutes(ago) AS window_start,
               count(DISTINCT user_id) AS active_users_count
          FROM events, range(5) AS slides(ago) GROUP BY ALL""",
    "user_sessions": """
        WITH parted AS (
            SELECT user_id, event_time, event_time - lag(event_time) OVER w > INTERVAL '5 minutes' AS begins
              FROM events WINDOW w AS (PARTITION BY user_id ORDER BY event_time)),
        numbered AS (
            SELECT *, count(*) FILTER (begins) OVER (PARTITION BY user_id ORDER BY event_time
                                                     ROWS UNBOUNDED PRECEDING) AS number FROM parted)
        SELECT user_id, min(event_time) AS session_start_time,
               max(event_time) + INTERVAL '5 minutes' AS session_end_time,
               epoch_ms(session_end_time - session_start_time) // 1000 AS session_duration_seconds
          FROM numbered GROUP BY user_id, number""",
}

# How the rows of a table are told apart, and what else is in them.
COLUMNS = {
    "device_minutes": (("window_start", "device_id"), ("event_count", "avg_temperature_c", "max_vibration_g")),
    "alerts": (("device_id", "ts"), ()),
    "page_view_counts": (("window_start", "page_url"), ("view_count",)),
    "active_users": (("window_start",), ("active_users_count",)),
    "user_sessions": (
        ("user_id", "session_start_time"),
        ("session_end_time", "session_duration_seconds"),
    ),
}
# Sums of numbers with a fraction depend on the order; nobody else's should be off by more than this.
EPSILON = 1e-9

TABLES_OF = {
    "factory": ("device_minutes", "alerts"),
    "clickstream": ("page_view_counts", "active_users", "user_sessions"),
}


class Truth:
    """The rows that a topic's events come to."""

    def __init__(self, environment: Environment, system: str, topic: str):
        self.system = system
        self.connection = duckdb.connect(config={"memory_limit": "3GB", "threads": 2})
        self.connection.execute("SET TimeZone = 'UTC'")
        lines = dump(environment, topic)
        try:
            self.connection.execute(
                f"""CREATE TABLE every AS SELECT * FROM read_json('{lines}', format = 'newline_delimited',
                                                                  columns = {EVENTS[system]})"""
            )
        finally:
            lines.unlink()
        self.connection.execute(f"CREATE VIEW events AS SELECT * FROM every WHERE {REAL[system]}")
        for table in TABLES_OF[system]:
            self.connection.execute(f"CREATE TABLE {table} AS {TABLES[table]}")
        ((self.events,),) = self.connection.execute("SELECT count(*) FROM every").fetchall()

    def rows(self, table: str) -> int:
        """How many rows a table must have."""
        ((rows,),) = self.connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        return rows

    def differences(self, found: Found) -> list[str]:
        """What of the findings differs, in words."""
        tables = dict(found.tables)
        if found.alerts is not None:
            tables["alerts"] = found.alerts
        said = [words for table, rows in tables.items() if (words := self._compare(table, rows))]
        for name, count in (("enriched", found.enriched), ("lake", found.lake)):
            if count is not None and count != self.events:
                said.append(f"{name}: {count} events of {self.events}")
        return said

    def _compare(self, table: str, rows: pa.Table) -> str | None:
        keys, values = COLUMNS[table]
        self.connection.register("rows", rows)
        # An alert is in the topic as often as its reading; a row of a table is there once.
        both = " AND ".join(f"t.{key} = f.{key}" for key in keys)
        same = " AND ".join(f"abs(epoch_ns(t.{v}) - epoch_ns(f.{v})) = 0" if v.endswith("_time") else
                            f"abs(t.{v} - f.{v}) <= {EPSILON}" for v in values) or "true"
        one = f"(SELECT {', '.join(keys + values)}, count(*) AS times FROM {{}} GROUP BY ALL)"
        start = "window_start" if "window_start" in keys else keys[-1]
        ((missing, extra, other),) = self.connection.execute(
            f"""SELECT count(*) FILTER (f.{keys[0]} IS NULL), count(*) FILTER (t.{keys[0]} IS NULL),
                       count(*) FILTER (NOT ({same} AND t.times = f.times))
                  FROM {one.format(table)} AS t
                  FULL JOIN {one.format(f"(SELECT * FROM rows WHERE {start} <= (SELECT max({start}) FROM {table}))")}
                         AS f ON {both}"""
        ).fetchall()
        self.connection.unregister("rows")
        if missing == extra == other == 0:
            return None
        return f"{table}: of {self.rows(table)} rows {missing} are missing, {other} differ, {extra} are too many"


def dump(environment: Environment, topic: str) -> Path:
    """Writes the topic's values to a file, a line each."""
    path = environment.scratch / f"{topic}.ndjson"
    with path.open("wb") as lines:
        lines.writelines(message.value() + b"\n" for message in results.messages(environment, topic))
    return path
