-- Logins that may read of some pipelines, and of no others.

-- What the operator last reported of each pipeline that has an API, so that the API can show conditions
-- without access to Kubernetes.
CREATE TABLE sensorstream.statuses (
    pipeline   text        PRIMARY KEY,   -- namespace/name
    status     jsonb       NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now()
);

-- Which role may read of which pipeline.
CREATE TABLE sensorstream.readers (
    role_name    text NOT NULL,
    pipeline     text NOT NULL,
    -- SHA-256, in hex, of the password that the operator gave the role. It tells whether the Secret holds
    -- it, and gives nothing away: the password is 256 random bits. Empty for a role that was there before.
    login_digest text NOT NULL,
    PRIMARY KEY (role_name, pipeline)
);
CREATE INDEX readers_pipeline ON sensorstream.readers (pipeline);

-- In a view, current_user is whoever asks, while the tables are read as the view's owner: so a reader
-- needs no privilege on the tables. Whoever has one sees everything here, too. With security_barrier
-- nothing that the asker adds is evaluated on rows that are not theirs.
CREATE VIEW sensorstream.reader_shards WITH (security_barrier) AS
SELECT s.pipeline, s.stage, s.topic, s.incarnation, s.partition, s.owner, s.revision,
       s.next_offset,
       (extract(epoch FROM s.watermark) * 1e6)::bigint AS watermark_us,
       s.records_read, s.accepted, s.dead_lettered, s.dropped, s.lost,
       (extract(epoch FROM s.last_commit_at) * 1e6)::bigint AS last_commit_us,
       s.data_loss_at, s.rows_of_others, s.outbox_cursor, s.links IS NOT NULL AS linked,
       (SELECT count(*) FROM sensorstream.pending_dead_letters p
         WHERE (p.pipeline, p.stage, p.incarnation, p.partition)
             = (s.pipeline, s.stage, s.incarnation, s.partition)) AS pending,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                 'sink', b.sink,
                 'since_us', (extract(epoch FROM b.since) * 1e6)::bigint,
                 'error', b.error) ORDER BY b.sink), '[]')
          FROM sensorstream.blocked_sinks b
         WHERE (b.pipeline, b.stage, b.incarnation, b.partition)
             = (s.pipeline, s.stage, s.incarnation, s.partition)) AS blocked
  FROM sensorstream.shards s
 WHERE (SELECT has_table_privilege('sensorstream.shards'::regclass, 'SELECT'))
    OR EXISTS (SELECT FROM sensorstream.readers r
                WHERE r.role_name = current_user AND r.pipeline = s.pipeline);

CREATE VIEW sensorstream.reader_statuses WITH (security_barrier) AS
SELECT s.pipeline, s.status, (extract(epoch FROM s.written_at) * 1e6)::bigint AS written_at_us
  FROM sensorstream.statuses s
 WHERE (SELECT has_table_privilege('sensorstream.statuses'::regclass, 'SELECT'))
    OR EXISTS (SELECT FROM sensorstream.readers r
                WHERE r.role_name = current_user AND r.pipeline = s.pipeline);
