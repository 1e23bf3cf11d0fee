//! What the files are called.

use crate::Extent;

/// The name of a file below the lake's URI. It follows from the shard (Kafka's id of the topic, and
/// the partition) and the extent alone, so that writing it again finds what is there. Of the id, which
/// may be written in either alphabet of Base64, it has the one that is safe in paths and URLs.
pub fn object_name(incarnation: &str, partition: i32, extent: &Extent) -> String {
    let Extent {
        hour, first, last, ..
    } = extent;
    let incarnation = incarnation.replace('+', "-").replace('/', "_");
    format!("{hour}/part-{partition:05}-{incarnation}-{first:020}-{last:020}.parquet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hour;

    #[test]
    fn a_name_holds_hour_shard_and_offsets() {
        let extent = Extent {
            hour: Hour::of(1_755_434_096_789_000),
            first: 42,
            last: 1_000_000,
            rows: 7,
        };
        assert_eq!(
            object_name("5L6g3nShT-eMCtK--X86sw", 3, &extent),
            "date=2025-08-17/hour=12/part-00003-5L6g3nShT-eMCtK--X86sw\
             -00000000000000000042-00000000000001000000.parquet"
        );
        assert_eq!(
            object_name("a+b/c", 0, &extent),
            object_name("a-b_c", 0, &extent)
        );
    }
}
