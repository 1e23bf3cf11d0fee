//! Records to send.

use serde_json::json;

/// A good reading.
pub fn good(number: usize) -> Vec<u8> {
    let time = jiff::Timestamp::now();
    json!({ "sensor_id": format!("s{}", number % 7), "timestamp": time.to_string(), "temperature": 20.5, "count": number })
        .to_string()
        .into_bytes()
}

/// Readings of which each tenth is bad.
pub fn mixed(numbers: std::ops::Range<usize>) -> impl Iterator<Item = Vec<u8>> {
    numbers.map(|number| {
        if number % 10 == 3 {
            b"no JSON".to_vec()
        } else {
            good(number)
        }
    })
}
