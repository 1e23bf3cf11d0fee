//! Waiting for conditions: ask, and ask again, until the answer is there or time is up.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(300);

/// Asks until there is an answer.
///
/// # Panics
/// When there is none within `limit`; the message carries what was seen last.
pub async fn until<T, F, R>(what: &str, limit: Duration, mut ask: F) -> T
where
    F: FnMut() -> R,
    R: Future<Output = Result<T, String>>,
{
    let start = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(seen) if start.elapsed() > limit => {
                panic!("waited {limit:?} for {what}; last seen: {seen}")
            }
            Err(_) => tokio::time::sleep(INTERVAL).await,
        }
    }
}

/// Seconds, shortly.
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}
