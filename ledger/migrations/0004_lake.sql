-- The lake: which readings are in which file.

ALTER TABLE sensorstream.shards
    -- Every reading below is in a file that is written; null without a lake.
    ADD COLUMN lake_cursor bigint;

-- Files that a commit decided, until they are written and everything up to their end is, too. A file
-- holds all readings of its hour from its first to its last offset.
CREATE TABLE sensorstream.lake_files (
    pipeline     text     NOT NULL,
    stage        smallint NOT NULL DEFAULT 1,
    incarnation  text     NOT NULL,
    partition    integer  NOT NULL,
    hour         bigint   NOT NULL,   -- of event time, counted from 1970
    first_offset bigint   NOT NULL,
    last_offset  bigint   NOT NULL,
    rows         bigint   NOT NULL,
    written      boolean  NOT NULL DEFAULT false,
    PRIMARY KEY (pipeline, stage, incarnation, partition, hour, first_offset)
);
