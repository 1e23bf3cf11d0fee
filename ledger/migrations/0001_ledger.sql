-- The commit log: one row a shard says how far it is decided, and by whom. Output rows and the
-- shard's row move in one transaction, which is what makes delivery exactly once.

CREATE TABLE sensorstream.shards (
    pipeline         text        NOT NULL,   -- namespace/name
    stage            smallint    NOT NULL DEFAULT 1,
    topic            text        NOT NULL,
    incarnation      text        NOT NULL,   -- Kafka's topic id: a topic made anew is another
    partition        integer     NOT NULL,
    epoch            bigint      NOT NULL,   -- moved by whoever takes the shard over
    owner            text        NOT NULL,   -- the pod that took it, for people
    next_offset      bigint      NOT NULL,   -- everything below is decided
    start_offset     bigint      NOT NULL,   -- where reading began
    watermark        timestamptz,            -- event time up to which readings are complete
    format_version   integer     NOT NULL DEFAULT 1,
    -- Accounting, from start_offset on: read = accepted + dead letters + dropped. Offsets that hold
    -- no record (transaction markers) are neither read nor lost.
    records_read     bigint      NOT NULL DEFAULT 0,
    bytes_read       bigint      NOT NULL DEFAULT 0,
    accepted         bigint      NOT NULL DEFAULT 0,
    dead_lettered    jsonb       NOT NULL DEFAULT '{}',  -- reason → count
    dropped          jsonb       NOT NULL DEFAULT '{}',  -- reason → count
    lost             bigint      NOT NULL DEFAULT 0,     -- offsets that vanished before they were read
    -- Where the dead letter sink stands: what is below has been sent for certain.
    dead_letter_cursor bigint    NOT NULL DEFAULT 0,
    last_commit_at   timestamptz,            -- of the latest commit that held a record
    -- A gap that onDataLoss: Fail stops at: the first offset that still exists.
    data_loss_at     bigint,
    PRIMARY KEY (pipeline, stage, incarnation, partition)
);

-- Which decided records are still to be sent to the dead letter topic, and why. The records
-- themselves stay in the source topic.
CREATE TABLE sensorstream.pending_dead_letters (
    pipeline      text     NOT NULL,
    stage         smallint NOT NULL DEFAULT 1,
    incarnation   text     NOT NULL,
    partition     integer  NOT NULL,
    source_offset bigint   NOT NULL,
    reason        text     NOT NULL,
    detail        text     NOT NULL,
    PRIMARY KEY (pipeline, stage, incarnation, partition, source_offset)
);

-- Sinks that a shard waits for. Written on a connection of its own, so that it shows while
-- commits are held back.
CREATE TABLE sensorstream.blocked_sinks (
    pipeline    text        NOT NULL,
    stage       smallint    NOT NULL DEFAULT 1,
    incarnation text        NOT NULL,
    partition   integer     NOT NULL,
    epoch       bigint      NOT NULL,
    sink        text        NOT NULL,
    since       timestamptz NOT NULL DEFAULT now(),
    error       text        NOT NULL,
    PRIMARY KEY (pipeline, stage, incarnation, partition, sink)
);

-- What a pipeline writes to, so that two never write to one thing, and so that deletion knows
-- what the pipeline made and what was there before it.
CREATE TABLE sensorstream.claims (
    kind       text        NOT NULL CHECK (kind IN ('topic', 'table')),
    endpoint   text        NOT NULL,   -- bootstrap servers; empty for tables, which are in this database
    name       text        NOT NULL,   -- topic, or schema.table
    pipeline   text        NOT NULL,
    adopted    boolean     NOT NULL,   -- it existed before the pipeline
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, endpoint, name)
);
CREATE INDEX claims_pipeline ON sensorstream.claims (pipeline);
