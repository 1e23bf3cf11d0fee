//! What a pipeline says became of its records.

use crate::{Oracle, windows::Sliding};

impl Oracle {
    /// Asserts that the accounts of a pipeline (`namespace/name`) say what the oracle does: how many readings
    /// there were, how many records of each other kind, and how many readings were offered to a window and
    /// came too late.
    ///
    /// # Panics
    /// When they do not.
    pub async fn assert_accounts(&self, pipeline: &str, window: &str, sliding: Sliding) {
        let expected = format!(
            "SELECT 'accepted' AS what, count(*) FROM {readings}
             UNION ALL SELECT refusal, count(*) FROM {raw} WHERE refusal IS NOT NULL GROUP BY 1
             UNION ALL SELECT 'read', count(*) FROM {raw}
             UNION ALL SELECT 'offered', count(*) FROM ({offered}) o
             UNION ALL SELECT 'late', count(*) FROM ({offered}) o WHERE late
             UNION ALL SELECT 'rows of others', 0",
            readings = self.readings(),
            raw = self.table("raw"),
            offered = sliding.offered(&self.readings()),
        );
        let all = format!("sensorstream.shards WHERE pipeline = '{pipeline}'");
        let first = format!("{all} AND stage = 1");
        let found = format!(
            "SELECT 'accepted' AS what, sum(accepted)::bigint FROM {first}
             UNION ALL SELECT key, sum(value::bigint)::bigint
               FROM (SELECT dead_lettered FROM {first}) s, jsonb_each_text(dead_lettered) GROUP BY 1
             UNION ALL SELECT 'read', sum(records_read)::bigint FROM {first}
             UNION ALL SELECT 'offered', sum((windows->'{window}'->>'offered')::bigint)::bigint FROM {first}
             UNION ALL SELECT 'late', sum((windows->'{window}'->>'late')::bigint)::bigint FROM {first}
             UNION ALL SELECT 'rows of others', sum(rows_of_others)::bigint FROM {all}"
        );
        self.assert_same("accounts", &expected, &found).await;
    }
}
