use std::time::Duration;

use serde_json::json;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
/// Microseconds in an hour.
const HOUR: i64 = 3_600_000_000;

fn schema() -> Arc<Schema> {
    let input = json!({
        "topic": { "name": "readings" },
        "key": "device",
        "fields": [
            { "name": "device", "type": "string" },
            { "name": "at", "type": "timestamp" },
        ],
        "eventTime": { "field": "at" },
    });
    Arc::new(Schema::of(&serde_json::from_value(input).unwrap()))
}

/// Files that nothing closes but what a test asks for.
fn unlimited() -> Limits {
    Limits {
        size: usize::MAX,
        age: Duration::MAX,
        total: usize::MAX,
        hours: usize::MAX,
    }
}

fn files(limits: Limits) -> OpenFiles {
    OpenFiles::new(schema(), limits)
}

fn push(files: &mut OpenFiles, offset: i64, hour: i64) {
    let time = hour * HOUR + offset;
    let values = [Value::Text("MTR-00001".into()), Value::Timestamp(time)];
    files.push(offset, time, &values);
}

fn extent(hour: i64, first: i64, last: i64, rows: i64) -> Extent {
    Extent {
        hour: Hour(hour),
        first,
        last,
        rows,
    }
}

fn extents(closed: &[ClosedFile]) -> Vec<Extent> {
    closed.iter().map(|file| file.extent).collect()
}

#[test]
fn a_file_holds_the_readings_of_one_hour() {
    let mut files = files(unlimited());
    for (offset, hour) in [(3, 7), (4, 8), (6, 7), (9, 8), (10, 8)] {
        push(&mut files, offset, hour);
    }
    assert_eq!(files.oldest_offset(), Some(3));
    let closed = files.flush();
    assert_eq!(extents(&closed), [extent(7, 3, 6, 2), extent(8, 4, 10, 3)]);
    assert_eq!(closed[1].rows.offsets().collect::<Vec<_>>(), [4, 9, 10]);
    assert!(closed.iter().all(ClosedFile::is_whole));
    assert!(files.is_empty() && files.oldest_offset().is_none() && files.bytes() == 0);
}

#[test]
fn a_large_file_is_closed_and_a_new_one_begun() {
    let one = {
        let mut files = files(unlimited());
        push(&mut files, 0, 7);
        files.bytes()
    };
    // A text with its length, a time, and the offset.
    assert_eq!(one, 9 + 4 + 8 + 8);
    let size = 3 * one;
    let mut files = files(Limits {
        size,
        ..unlimited()
    });
    let now = Instant::now();
    for offset in 0..2 {
        push(&mut files, offset, 7);
    }
    push(&mut files, 2, 8);
    assert_eq!(files.close(now), []);
    push(&mut files, 3, 7);
    assert_eq!(extents(&files.close(now)), [extent(7, 0, 3, 3)]);
    push(&mut files, 4, 7);
    assert_eq!(
        extents(&files.flush()),
        [extent(7, 4, 4, 1), extent(8, 2, 2, 1)]
    );
}

#[test]
fn an_old_file_is_closed() {
    let mut files = files(Limits {
        age: 10 * SECOND,
        ..unlimited()
    });
    let start = Instant::now();
    push(&mut files, 0, 7);
    assert_eq!(files.close(start), []);
    push(&mut files, 1, 8);
    assert_eq!(files.close(start + 5 * SECOND), []);
    assert_eq!(
        extents(&files.close(start + 10 * SECOND)),
        [extent(7, 0, 0, 1)]
    );
    assert_eq!(
        extents(&files.close(start + 15 * SECOND)),
        [extent(8, 1, 1, 1)]
    );
}

#[test]
fn too_much_memory_closes_the_largest() {
    let mut files = files(Limits {
        total: 100,
        ..unlimited()
    });
    for (offset, hour) in [(0, 7), (1, 8), (2, 8)] {
        push(&mut files, offset, hour);
    }
    assert_eq!(files.close(Instant::now()), []);
    push(&mut files, 3, 9);
    assert_eq!(extents(&files.close(Instant::now())), [extent(8, 1, 2, 2)]);
    assert_eq!(files.len(), 2);
}

#[test]
fn too_many_hours_close_the_quietest() {
    let mut files = files(Limits {
        hours: 2,
        ..unlimited()
    });
    for (offset, hour) in [(0, 7), (1, 8), (2, 9), (3, 7)] {
        push(&mut files, offset, hour);
    }
    assert_eq!(extents(&files.close(Instant::now())), [extent(8, 1, 1, 1)]);
    assert_eq!(files.len(), 2);
}

/// A shard that was taken over after the extents of the hour 7 from 2 to 5 (written) and from 6 to 9
/// (not written), and of the hour 8 from 3 to 4 (not written).
fn taken_over() -> OpenFiles {
    let decided = [
        (extent(7, 6, 9, 2), false),
        (extent(8, 3, 4, 2), false),
        (extent(7, 2, 5, 2), true),
    ];
    let decided = decided.map(|(extent, written)| Decided { extent, written });
    OpenFiles::resume(schema(), unlimited(), decided)
}

#[test]
fn what_was_decided_is_put_together_again_and_the_rest_is_open() {
    let mut files = taken_over();
    for (offset, hour) in [(2, 7), (3, 8), (4, 8)] {
        push(&mut files, offset, hour);
    }
    assert!(files.is_empty());
    assert_eq!(files.oldest_offset(), Some(3));
    let recovered = files.recovered(5);
    assert_eq!(extents(&recovered), [extent(8, 3, 4, 2)]);
    assert_eq!(recovered[0].rows.offsets().collect::<Vec<_>>(), [3, 4]);
    for (offset, hour) in [(5, 7), (6, 7), (7, 8), (9, 7), (10, 7)] {
        push(&mut files, offset, hour);
    }
    assert_eq!(files.oldest_offset(), Some(6));
    let recovered = files.recovered(11);
    assert_eq!(extents(&recovered), [extent(7, 6, 9, 2)]);
    assert!(recovered[0].is_whole());
    let closed = files.flush();
    assert_eq!(extents(&closed), [extent(7, 10, 10, 1), extent(8, 7, 7, 1)]);
}

#[test]
fn a_decided_file_whose_readings_are_gone_is_handed_out_all_the_same() {
    let mut files = taken_over();
    push(&mut files, 4, 8);
    let recovered = files.recovered(10);
    assert_eq!(
        extents(&recovered),
        [extent(7, 6, 9, 2), extent(8, 3, 4, 2)]
    );
    assert!(recovered[0].rows.is_empty() && !recovered[0].is_whole());
    assert!(!recovered[1].is_whole());
}

#[test]
fn a_reading_between_extents_is_in_no_file() {
    let decided = [(3, 4), (7, 9)].map(|(first, last)| Decided {
        extent: extent(7, first, last, 2),
        written: false,
    });
    let mut files = OpenFiles::resume(schema(), unlimited(), decided);
    for offset in [3, 4, 5, 7, 9] {
        push(&mut files, offset, 7);
    }
    assert!(files.recovered(10).iter().all(ClosedFile::is_whole));
    assert!(files.is_empty());
}
