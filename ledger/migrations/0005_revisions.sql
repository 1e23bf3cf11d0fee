-- Edits and the lake.

-- Which revision of the plan has the shard: an owner with an older one may not take it, while pods of both
-- are there.
ALTER TABLE sensorstream.shards ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- Two pipelines that write to one place in a lake would mix their readings.
ALTER TABLE sensorstream.claims
    DROP CONSTRAINT claims_kind_check,
    ADD CONSTRAINT claims_kind_check CHECK (kind IN ('topic', 'table', 'lake'));
