//! Looks at every version of every shard's row that is committed, whoever commits it and whenever that is
//! interrupted: the accounts have to add up in each.

use sqlx::PgPool;

const CHECKS: &str = r"
CREATE SCHEMA audit;
CREATE TABLE audit.wrong (what text, before jsonb, after jsonb);
CREATE FUNCTION audit.sum(counts jsonb) RETURNS bigint AS $$
    SELECT coalesce(sum(value::bigint), 0)::bigint FROM jsonb_each_text(counts)
$$ LANGUAGE sql;
CREATE FUNCTION audit.look() RETURNS trigger AS $$
DECLARE
    read_before bigint := coalesce(OLD.records_read, 0);
    stood_before bigint := coalesce(OLD.next_offset, NEW.start_offset);
    what text;
BEGIN
    what := CASE
        WHEN NEW.stage = 1 AND NEW.records_read
             <> NEW.accepted + audit.sum(NEW.dead_lettered) + audit.sum(NEW.dropped)
        THEN 'what was read is not what was accepted, dead-lettered and dropped'
        WHEN NEW.records_read - read_before > NEW.next_offset - stood_before
        THEN 'more records were read than offsets were passed'
        WHEN greatest(NEW.outbox_cursor, NEW.lake_cursor) > NEW.next_offset
        THEN 'a sink is ahead of what is decided'
        WHEN NEW.epoch < OLD.epoch OR NEW.next_offset < OLD.next_offset
             OR NEW.records_read < OLD.records_read OR NEW.accepted < OLD.accepted
             OR NEW.lost < OLD.lost OR NEW.rows_of_others < OLD.rows_of_others
             OR NEW.watermark < OLD.watermark OR NEW.outbox_cursor < OLD.outbox_cursor
             OR NEW.lake_cursor < OLD.lake_cursor
        THEN 'a number has fallen'
        WHEN EXISTS (SELECT FROM jsonb_each(NEW.windows) w
                      WHERE (w.value->>'late')::bigint > (w.value->>'offered')::bigint)
        THEN 'more readings were late for a window than were offered to it'
    END;
    IF what IS NOT NULL THEN
        INSERT INTO audit.wrong VALUES (what, to_jsonb(OLD), to_jsonb(NEW));
    END IF;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON sensorstream.shards
    FOR EACH ROW EXECUTE FUNCTION audit.look();
";

/// Begins to look.
pub(super) async fn begin(pool: &PgPool) {
    sqlx::raw_sql(CHECKS).execute(pool).await.unwrap();
}

/// Asserts that nothing was wrong at any commit.
pub(super) async fn assert_sound(pool: &PgPool) {
    let wrong: Vec<String> = sqlx::query_scalar("SELECT w::text FROM audit.wrong w LIMIT 5")
        .fetch_all(pool)
        .await
        .unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
