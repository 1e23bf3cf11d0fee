"""The jobs on Spark Structured Streaming: spark-submit's Python, in local mode.

Every sink is a query of its own, as Spark has it. Two ways to run: up to the end of the topic (--once), or
on and on, until it is told to stop.
"""

import argparse
import json
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psycopg
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.streaming import DataStreamWriter, StreamingQuery

# What each query needs, so that no more is parsed.
READING = (
    "device_id STRING, ts TIMESTAMP, temperature_c DOUBLE, vibration_g DOUBLE, status STRING, site STRING, line STRING"
)
MEASURED = "device_id STRING, ts TIMESTAMP, temperature_c DOUBLE, vibration_g DOUBLE"
CLICK = "event_time TIMESTAMP, user_id STRING, page_url STRING, event_type STRING"
VIEWED = "event_time TIMESTAMP, page_url STRING, event_type STRING"
VISITED = "event_time TIMESTAMP, user_id STRING"
DELAY = "2 minutes"
# Events in a batch: fewer batches cost less, and memory holds one.
BATCH = 700_000


def arguments() -> argparse.Namespace:
    """What the harness says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--system", choices=("factory", "clickstream"), required=True)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--out", required=True, help="what the output topics' names begin with")
    parser.add_argument("--database", required=True)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--jars", required=True)
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--lake", type=Path, help="a folder for every event as Parquet")
    parser.add_argument("--enriched", action="store_true")
    parser.add_argument("--once", action="store_true")
    return parser.parse_args()


def session(jars: str) -> SparkSession:
    """Spark, tuned as its documentation advises for small state on one machine."""
    settings = {
        # Not spark.jars: those are looked for by the file system that is one of them.
        "spark.driver.extraClassPath": jars,
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": "-XX:+UseParallelGC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # As many as there are cores; 200 by default.
        "spark.sql.shuffle.partitions": "2",
        # The queries share the cores, instead of one after the other.
        "spark.scheduler.mode": "FAIR",
        "spark.sql.streaming.stateStore.providerClass": STATE,
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        # Without Hadoop's native library, the usual ones start chmod and ls for every checkpoint file.
        "spark.sql.streaming.checkpointFileManagerClass": FILES + "FileSystemBasedCheckpointFileManager",
        "spark.hadoop.fs.file.impl": "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem",
        # Sessions are merged before the shuffle too.
        "spark.sql.streaming.sessionWindow.merge.sessions.in.local.partition": "true",
        "spark.sql.streaming.numRecentProgressUpdates": "1000",
    }
    builder = SparkSession.builder.master("local[2]").appName("bench")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    return spark


FILES = "org.apache.spark.sql.execution.streaming."
STATE = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


class Job:
    """One job's queries."""

    def __init__(self, spark: SparkSession, told: argparse.Namespace):
        self.spark = spark
        self.told = told
        self.queries: list[StreamingQuery] = []

    def events(self, schema: str) -> DataFrame:
        """The topic's events, each parsed once."""
        source = (
            self.spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", self.told.bootstrap)
            .option("subscribe", self.told.topic)
            .option("startingOffsets", "earliest")
            .option("maxOffsetsPerTrigger", BATCH)
            .load()
        )
        # Were the fields selected from the column itself, the optimiser would parse again for each field and
        # each condition. Nothing is moved through a generator.
        parsed = f.from_json(f.col("value").cast("string"), schema)
        return source.select("key", f.explode(f.array(parsed)).alias("event")).select("key", "event.*")

    def start(self, name: str, writer: DataStreamWriter) -> None:
        """Starts a query."""
        # By default a batch begins as soon as the last one is done.
        if self.told.once:
            writer = writer.trigger(availableNow=True)
        self.spark.sparkContext.setLocalProperty("spark.scheduler.pool", name)
        writer = writer.queryName(name).option("checkpointLocation", str(self.told.checkpoints / name))
        self.queries.append(writer.start())

    def table(self, name: str, rows: DataFrame, mode: str, keys: tuple[str, ...]) -> None:
        """Starts the query that keeps a table."""
        write = upsert(self.told.database, f"{self.told.schema}.{name}", rows.columns, keys)
        self.start(name, rows.writeStream.outputMode(mode).foreachBatch(write))

    def topic(self, name: str, records: DataFrame) -> None:
        """Starts the query that writes records, key and value, to a topic."""
        writer = records.writeStream.format("kafka").option("kafka.bootstrap.servers", self.told.bootstrap)
        writer = writer.option("kafka.linger.ms", 20).option("kafka.batch.size", 262_144)
        self.start(name, writer.option("topic", f"{self.told.out}.{name}"))

    def lake(self, events: DataFrame, time_: str) -> None:
        """Starts the query that writes every event as Parquet, if it is asked for."""
        if self.told.lake:
            parted = events.drop("key").withColumn("date", f.to_date(time_)).withColumn("hour", f.hour(time_))
            writer = parted.writeStream.format("parquet").partitionBy("date", "hour")
            self.start("lake", writer.option("path", str(self.told.lake)))

    def factory(self) -> None:
        """Each motor's minutes, and alerts."""
        minutes = (
            self.events(MEASURED)
            .withWatermark("ts", DELAY)
            .groupBy(f.window("ts", "1 minute"), "device_id")
            .agg(
                f.count("*").alias("event_count"),
                f.avg("temperature_c").alias("avg_temperature_c"),
                f.max("vibration_g").alias("max_vibration_g"),
            )
            .select(*window(), "device_id", "event_count", "avg_temperature_c", "max_vibration_g")
        )
        self.table("device_minutes", minutes, "update", ("window_start", "device_id"))
        readings = self.events(READING)
        alarming = readings.where((f.col("temperature_c") > 85.0) | (f.col("vibration_g") > 0.5))
        self.topic("alerts", record(alarming))
        self.lake(readings, "ts")

    def clickstream(self) -> None:
        """The three tables."""
        views = (
            self.events(VIEWED)
            .withWatermark("event_time", DELAY)
            .where(f.col("event_type") == "page_view")
            .groupBy(f.window("event_time", "1 minute"), "page_url")
            .agg(f.count("*").alias("view_count"))
            .select(*window(), "page_url", "view_count")
        )
        self.table("page_view_counts", views, "update", ("window_start", "page_url"))
        # Streams can't count(DISTINCT …); this is exact, as ours is.
        visits = self.events(VISITED).withWatermark("event_time", DELAY)
        active = (
            visits.groupBy(f.window("event_time", "5 minutes", "1 minute"))
            .agg(f.size(f.collect_set("user_id")).cast("long").alias("active_users_count"))
            .select(*window(), "active_users_count")
        )
        self.table("active_users", active, "update", ("window_start",))
        # Spark gives out sessions once they are closed, and no other way.
        sessions = (
            visits.groupBy(f.session_window("event_time", "5 minutes").alias("session"), "user_id")
            .agg(f.count("*"))
            .select(
                "user_id",
                f.col("session.start").alias("session_start_time"),
                f.col("session.end").alias("session_end_time"),
                seconds("session").alias("session_duration_seconds"),
            )
        )
        self.table("user_sessions", sessions, "append", ("user_id", "session_start_time"))
        clicks = self.events(CLICK)
        if self.told.enriched:
            self.topic("enriched", record(clicks.withColumn("processing_time", f.current_timestamp())))
        self.lake(clicks, "event_time")


def window() -> tuple[Column, Column]:
    """Where a window begins and ends."""
    return f.col("window.start").alias("window_start"), f.col("window.end").alias("window_end")


def seconds(name: str) -> Column:
    """How long a window is."""
    millis = f.unix_millis(f.col(f"{name}.end")) - f.unix_millis(f.col(f"{name}.start"))
    return f.floor(millis / 1_000)


def record(events: DataFrame) -> DataFrame:
    """An event as a record."""
    fields = [name for name in events.columns if name != "key"]
    return events.select("key", f.to_json(f.struct(*fields)).alias("value"))


def upsert(
    database: str, table: str, columns: list[str], keys: tuple[str, ...]
) -> Callable[[DataFrame, int], None]:
    """What writes a batch's rows in one transaction: by COPY, and then to where they belong."""
    names = ", ".join(columns)
    values = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in keys)
    connection: list[psycopg.Connection] = []

    def write(batch: DataFrame, _: int) -> None:
        rows = batch.toArrow()
        if rows.num_rows == 0:
            return
        if not connection:
            connection.append(psycopg.connect(database))
            connection[0].execute("SET TimeZone = 'UTC'")
            connection[0].execute(f"CREATE TEMP TABLE batch AS SELECT {names} FROM {table} WHERE false")
        with connection[0].transaction(), connection[0].cursor() as cursor:
            cursor.execute("TRUNCATE batch")
            with cursor.copy(f"COPY batch ({names}) FROM STDIN") as copy:
                for row in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                    copy.write_row(row)
            cursor.execute(
                f"INSERT INTO {table} ({names}, _partition) SELECT {names}, 0 FROM batch"
                f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {values}"
            )
        connection[0].commit()

    return write


def begun(query: StreamingQuery) -> float:
    """When its first batch began to be executed, after it was planned; in seconds since 1970."""
    first = query.recentProgress[0]
    took = first["durationMs"]
    before = sum(took.get(step, 0) for step in ("latestOffset", "getBatch", "queryPlanning", "walCommit"))
    return datetime.fromisoformat(first["timestamp"]).timestamp() + before / 1_000


def main() -> None:
    told = arguments()
    job = Job(session(told.jars), told)
    job.factory() if told.system == "factory" else job.clickstream()
    if told.once:
        for query in job.queries:
            query.awaitTermination()
            for progress in query.recentProgress:
                print("batch", query.name, progress["batchId"], progress["numInputRows"], progress["durationMs"])
        done = {"begun": min(map(begun, job.queries)), "done": time.time()}
        print("timed", json.dumps(done), flush=True)
    else:
        # Between two batches nothing of theirs is lost; what ends them midway is what the harness is about.
        signal.signal(signal.SIGTERM, lambda *_: [query.stop() for query in job.queries])
        print("running", flush=True)
        job.spark.streams.awaitAnyTermination()


main()
