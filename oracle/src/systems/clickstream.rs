//! `examples/clickstream.yaml`: page views, active users, and their sessions.

use crate::{
    Field, Input, Oracle, Type,
    windows::{Sliding, sessions},
};

/// What visitors send.
pub const INPUT: Input = Input {
    fields: &[
        Field::required("event_time", Type::Time),
        Field::required("user_id", Type::Text(Some(50))),
        Field::required("page_url", Type::Text(Some(255))),
        Field::required("event_type", Type::Text(Some(50))),
    ],
    event_time: "event_time",
    max_delay: "2 minutes",
};

/// Views of each page.
pub const VIEWS: Sliding = Sliding {
    condition: "event_type = 'page_view'",
    ..Sliding::tumbling("1 minute")
};

/// Who was active.
pub const ACTIVE: Sliding = Sliding {
    slide: "1 minute",
    ..Sliding::tumbling("5 minutes")
};

/// Asserts that the tables in the schema `tables` hold what they have to.
///
/// # Panics
/// When they do not.
pub async fn assert_tables(oracle: &Oracle, tables: &str) {
    let readings = oracle.readings();
    let expected = format!(
        "SELECT window_start, window_end, page_url, count(*)
           FROM ({}) x GROUP BY 1, 2, 3",
        VIEWS.taken(&readings)
    );
    let found = format!(
        "SELECT window_start, window_end, page_url, view_count FROM {tables}.page_view_counts"
    );
    oracle
        .assert_same("page_view_counts", &expected, &found)
        .await;

    let expected = format!(
        "SELECT window_start, window_end, count(DISTINCT user_id) FROM ({}) x GROUP BY 1, 2",
        ACTIVE.taken(&readings)
    );
    let found =
        format!("SELECT window_start, window_end, active_users_count FROM {tables}.active_users");
    oracle.assert_same("active_users", &expected, &found).await;

    let expected = format!(
        "SELECT user_id, min(at), max(at) + interval '5 minutes',
                floor(extract(epoch FROM max(at) + interval '5 minutes' - min(at)))::bigint
           FROM ({}) x GROUP BY user_id, session",
        sessions(&readings, "user_id", 300)
    );
    let found = format!(
        "SELECT user_id, session_start_time, session_end_time, session_duration_seconds
           FROM {tables}.user_sessions"
    );
    oracle.assert_same("user_sessions", &expected, &found).await;
}
