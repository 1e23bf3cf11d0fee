-- Windows, rules and outputs beside the table of readings.

ALTER TABLE sensorstream.shards
    ADD COLUMN windows        jsonb  NOT NULL DEFAULT '{}',  -- window → { plan, fromUs, offered, late }
    ADD COLUMN rules          jsonb  NOT NULL DEFAULT '{}',  -- rule → { alerts, suppressed }
    ADD COLUMN rows_of_others bigint NOT NULL DEFAULT 0;     -- window rows that another shard had written

-- Alerts and enriched readings travel with the dead letters.
ALTER TABLE sensorstream.shards RENAME COLUMN dead_letter_cursor TO outbox_cursor;

-- The state of open windows, in parts. Each part holds what the readings below its own offset came to,
-- so a new owner reads the log again from the least of these offsets.
CREATE TABLE sensorstream.state_buckets (
    pipeline     text     NOT NULL,
    stage        smallint NOT NULL DEFAULT 1,
    incarnation  text     NOT NULL,
    partition    integer  NOT NULL,
    bucket       smallint NOT NULL,
    at_offset    bigint   NOT NULL,
    watermark_us bigint,            -- of the shard at that offset
    image        bytea    NOT NULL,
    PRIMARY KEY (pipeline, stage, incarnation, partition, bucket)
);
-- Images are compact already; compressing each one again would only take time.
ALTER TABLE sensorstream.state_buckets ALTER COLUMN image SET STORAGE EXTERNAL;
