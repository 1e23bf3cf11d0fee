"""The commit log, and a login that reads of the pipelines."""

from harness.api.data import PARTITIONS, READINGS, Fleet
from harness.api.server import Server
from harness.environment import BENCH

READER = "sensorstream_reader"
MIGRATIONS = BENCH.parent / "ledger" / "migrations"


def make(server: Server) -> None:
    """Makes the commit log's tables and the login, which is listened to."""
    server.execute("CREATE SCHEMA sensorstream")
    for migration in sorted(MIGRATIONS.glob("*.sql")):
        server.execute(migration.read_text())
    server.execute(
        f"""CREATE ROLE {READER} LOGIN;
            GRANT USAGE ON SCHEMA sensorstream TO {READER};
            GRANT SELECT ON sensorstream.reader_shards, sensorstream.reader_statuses TO {READER}"""
    )
    server.listen_to(READER)


# Kafka's id of the input topic, as far as the commit log knows.
INCARNATION = "a"


def enter(server: Server, fleet: Fleet) -> None:
    """Enters a pipeline whose tables are filled, and lets the login read of it."""
    server.execute(
        f"""GRANT USAGE ON SCHEMA {fleet.name} TO {READER};
            GRANT SELECT ON ALL TABLES IN SCHEMA {fleet.name} TO {READER};
            INSERT INTO sensorstream.readers VALUES ('{READER}', '{fleet.pipeline}', '');
            INSERT INTO sensorstream.statuses VALUES ('{fleet.pipeline}', '{{"state": "Running"}}', now());
            INSERT INTO sensorstream.shards
                (pipeline, topic, incarnation, partition, epoch, owner, next_offset, start_offset, watermark,
                 records_read, accepted, last_commit_at)
            SELECT '{fleet.pipeline}', 'sensor_events', '{INCARNATION}', partition, 1, 'pod-0', {fleet.readings}, 0,
                   (SELECT max(ts) FROM {fleet.name}.{READINGS}) - interval '2 min', {fleet.readings},
                   {fleet.readings}, now()
              FROM generate_series(0, {PARTITIONS - 1}) AS partition"""
    )
