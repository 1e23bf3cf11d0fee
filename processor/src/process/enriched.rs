//! An enriched reading: the record's own JSON object with one member more.

use serde_json::{Map, Value};

/// The member that is added.
const MEMBER: &str = "processing_time";

/// Writes `object`, the text of a JSON object that is not empty, with the time of processing as its
/// last member. One of that name that was there gives way.
pub fn write(object: &[u8], processing_time: &str, out: &mut Vec<u8>) {
    let there = memchr::memmem::find(object, MEMBER.as_bytes()).is_some();
    let end = object.iter().rposition(|byte| *byte == b'}');
    match (there, end) {
        (false, Some(end)) => {
            out.extend_from_slice(&object[..end]);
            for part in [",\"", MEMBER, "\":\"", processing_time, "\"}"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        _ => rewrite(object, processing_time, out),
    }
}

fn rewrite(object: &[u8], processing_time: &str, out: &mut Vec<u8>) {
    let mut members: Map<String, Value> = serde_json::from_slice(object).unwrap_or_default();
    members.shift_remove(MEMBER);
    members.insert(MEMBER.into(), processing_time.into());
    serde_json::to_writer(out, &members).expect("JSON is representable as JSON");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn enriched(object: &str) -> String {
        let mut out = Vec::new();
        write(object.as_bytes(), "2025-08-17T12:34:56Z", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_rest_of_the_object_is_left_as_it_was() {
        assert_eq!(
            enriched("{ \"a\": 1.50, \"b\": {\"c\": []} }\n"),
            "{ \"a\": 1.50, \"b\": {\"c\": []} ,\"processing_time\":\"2025-08-17T12:34:56Z\"}"
        );
    }

    #[test]
    fn a_member_of_that_name_gives_way() {
        assert_eq!(
            enriched("{\"processing_time\":\"before\",\"b\":2}"),
            "{\"b\":2,\"processing_time\":\"2025-08-17T12:34:56Z\"}"
        );
        assert_eq!(
            enriched("{\"note\":\"processing_time\"}"),
            "{\"note\":\"processing_time\",\"processing_time\":\"2025-08-17T12:34:56Z\"}"
        );
    }

    proptest! {
        #[test]
        fn what_comes_out_is_the_object_and_the_member(
            members in proptest::collection::btree_map("[a-z}\"\\\\]{1,6}", any::<i32>(), 1..6)
        ) {
            let mut expected = json!(members);
            let out: Value = serde_json::from_str(&enriched(&expected.to_string())).unwrap();
            expected["processing_time"] = "2025-08-17T12:34:56Z".into();
            prop_assert_eq!(out, expected);
        }
    }
}
