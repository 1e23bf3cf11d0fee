-- Windows over several partitions: what a shard of the first stage sends to the second.

ALTER TABLE sensorstream.shards
    -- { series, ranges: [{ to, watermarkUs, linkWatermarkUs }] }: where the ranges end that may have to be
    -- sent again, so that they are sent as they were; null without such windows.
    ADD COLUMN links             jsonb,
    -- The watermark that these windows go by: the shard's own, or where others stood while the
    -- partition was idle.
    ADD COLUMN link_watermark_us bigint,
    ADD COLUMN idle              boolean NOT NULL DEFAULT false;

-- In the second stage: how far the shards of the first were at the part's offset.
ALTER TABLE sensorstream.state_buckets ADD COLUMN sources bytea;
