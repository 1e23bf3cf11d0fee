//! Dead letters, and what became of a replay, as people read them. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;
use sensorstream_crds::input::Input;
use sensorstream_processor::{
    process::decode::Problem,
    replay::select::{Left, Outcome},
};

use super::{
    letters::{Listing, Shown},
    spec,
};
use crate::terminal::{Colour, Paint, age, excerpt, table};

/// How much of a detail and of a payload is listed.
const LISTED: (usize, usize) = (60, 60);

/// Letters, a line each, and how many there are of each reason.
pub fn listing(listing: &Listing, now: Timestamp) -> String {
    let total: u64 = listing.reasons.values().sum();
    if total == 0 {
        return "No dead letters.\n".to_owned();
    }
    let mut rows = vec![
        [
            "AGE", "REASON", "POSITION", "FROM", "REPLAYED", "DETAIL", "PAYLOAD",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    rows.extend(listing.letters.iter().map(|letter| {
        vec![
            age(letter.at, now),
            letter.reason.clone(),
            letter.position.to_string(),
            letter.source.as_ref().map_or("-".into(), |source| {
                format!("{}/{}", source.partition, source.offset)
            }),
            match letter.replayed {
                Some(true) => "yes",
                Some(false) => "no",
                None => "?",
            }
            .to_owned(),
            excerpt(&letter.detail, LISTED.0),
            payload(letter),
        ]
    }));
    let mut text = table(&rows);
    let counts: Vec<String> = listing
        .reasons
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    let _ = writeln!(text, "\n{total} in all: {}", counts.join(", "));
    if !listing.complete {
        text.push_str(
            "These are the newest that the pipeline's API holds; there may be older ones.\n",
        );
    }
    text
}

fn payload(letter: &Shown) -> String {
    match &letter.payload {
        Some(payload) => excerpt(payload, LISTED.1),
        None if letter.lost => "(gone before it could be copied)".to_owned(),
        None => "(none)".to_owned(),
    }
}

/// One letter, with what is wrong with it and what would be right.
pub fn letter(
    letter: &Shown,
    of: &str,
    input: &Input,
    problem: Option<&Problem>,
    now: Timestamp,
    paint: Paint,
) -> String {
    let mut text = format!(
        "{}\n\n",
        paint.paint(
            Colour::Bold,
            &format!("Dead letter {} of {of}", letter.position)
        )
    );
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    row(
        "sent",
        &format!("{}, {} ago", letter.at, age(letter.at, now)),
    );
    row("reason", &letter.reason);
    row("detail", &letter.detail);
    if let Some(source) = &letter.source {
        row(
            "from",
            &format!(
                "topic {}, partition {}, offset {}",
                source.topic, source.partition, source.offset
            ),
        );
    }
    row(
        "replayed",
        match letter.replayed {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not known: the pipeline's API does not tell",
        },
    );
    row("key", letter.key.as_deref().unwrap_or("(none)"));
    match &letter.headers {
        None => row("headers", "not known: the pipeline's API does not tell"),
        Some(headers) if headers.is_empty() => row("headers", "(none)"),
        Some(headers) => {
            for (name, value) in headers {
                row(
                    "header",
                    &format!("{name} = {}", value.as_deref().unwrap_or("(null)")),
                );
            }
        }
    }
    let whole = letter
        .truncated_from
        .map(|size| format!("; the whole had {size} bytes"))
        .unwrap_or_default();
    match &letter.payload {
        Some(payload) => {
            let kind = if letter.hexadecimal {
                "in hexadecimal"
            } else {
                "as it is"
            };
            let _ = writeln!(text, "\nPayload, {kind}{whole}\n{payload}");
        }
        None if letter.lost => {
            text.push_str("\nKafka had deleted the record before it could be copied.\n");
        }
        None => text.push_str("\nThe record has no payload.\n"),
    }
    text.push_str("\nBy the spec as it is now\n");
    match problem {
        Some(problem) => {
            let refused = format!("✗ refused: {}: {}", problem.reason.as_str(), problem.detail);
            let _ = writeln!(text, "{}", paint.paint(Colour::Red, &refused));
        }
        None => {
            let _ = writeln!(
                text,
                "{}",
                paint.paint(Colour::Green, "✓ the record would be accepted")
            );
        }
    }
    let detail = problem.map_or(&letter.detail, |problem| &problem.detail);
    for line in table(&spec::fields(input, detail)).lines() {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(text, "For instance: {}", spec::example(input, now));
    text
}

/// What a replay did, or would do.
pub fn outcome(outcome: &Outcome, topic: &str) -> String {
    let count = outcome.replayed();
    let verb = match (outcome.dry_run, count) {
        (true, _) => "would be sent",
        (false, 1) => "was sent",
        (false, _) => "were sent",
    };
    let mut text = if count == 0 {
        format!("No dead letters {verb} to {topic} again.\n")
    } else {
        let reasons = outcome.replayed.iter();
        let reasons: Vec<String> = reasons
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        let letters = letters(count);
        format!(
            "{letters} {verb} to {topic} again: {}.\n",
            reasons.join(", ")
        )
    };
    if !outcome.left.is_empty() {
        text.push_str("Left where they are:\n");
    }
    for (why, count) in &outcome.left {
        let _ = writeln!(text, "{count:>8}  {}", left(*why));
    }
    for refused in &outcome.refused {
        let (position, reason) = (refused.position, &refused.reason);
        let _ = writeln!(text, "            {position}  {reason}: {}", refused.detail);
    }
    if outcome.left(Left::RefusedAgain) > outcome.refused.len() as u64 {
        text.push_str("            …\n");
    }
    text
}

/// So many dead letters.
pub fn letters(count: u64) -> String {
    match count {
        1 => "1 dead letter".to_owned(),
        _ => format!("{count} dead letters"),
    }
}

fn left(why: Left) -> &'static str {
    match why {
        Left::ReplayedBefore => "replayed before",
        Left::Accepted => "in the table, and only too late for windows",
        Left::InOtherOutputs => {
            "refused by the table alone; windows or other outputs have the reading \
             (--reason rejected_by_sink sends it all the same)"
        }
        Left::Incomplete => "not whole",
        Left::OtherTopic => "from another topic",
        Left::RefusedAgain => "would be refused again (--even-if-refused sends it all the same)",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sensorstream_crds::{Reason, SensorPipeline};
    use sensorstream_processor::replay::select::Refused;

    use super::{
        super::letters::{Newest, Source},
        *,
    };

    fn now() -> Timestamp {
        "2026-03-04T12:00:00Z".parse().unwrap()
    }

    fn shown(offset: i64, reason: &str, payload: &str) -> Shown {
        Shown {
            position: format!("0/{offset}").parse().unwrap(),
            at: Timestamp::from_second(now().as_second() - 100 + offset).unwrap(),
            reason: reason.into(),
            detail: "field `temperature`: 300 is not from -60 to 250".into(),
            source: Some(Source {
                topic: "sensor-data".into(),
                partition: 2,
                offset: 40 + offset,
            }),
            key: Some("sensor-001".into()),
            headers: Some(vec![("traceparent".into(), Some("00-…".into()))]),
            payload: Some(payload.into()),
            hexadecimal: false,
            truncated_from: None,
            lost: false,
            replayed: Some(offset == 1),
        }
    }

    #[test]
    fn the_newest_letters_are_listed_and_all_are_counted() {
        let mut newest = Newest::new(2);
        for (offset, reason, payload) in [
            (2, "not_json", "a\nb"),
            (0, "out_of_range", "{}"),
            (
                1,
                "out_of_range",
                r#"{"sensor_id":"sensor-001","timestamp":"2026-03-04T11:59:00Z","temperature":300}"#,
            ),
        ] {
            newest.take(shown(offset, reason, payload));
        }
        insta::assert_snapshot!(listing(&newest.listing(false), now()));
        assert_eq!(
            listing(&Newest::new(2).listing(true), now()),
            "No dead letters.\n"
        );
    }

    #[test]
    fn a_letter_is_shown_with_what_would_be_right() {
        let pipeline: SensorPipeline =
            serde_yaml_ng::from_str(include_str!("../../../examples/environment.yaml")).unwrap();
        let input = &pipeline.spec.input;
        let shown = shown(1, "out_of_range", r#"{"temperature":300}"#);
        let problem = Problem::new(
            Reason::OutOfRange,
            "field `temperature`: 300 is not from -60 to 250",
        );
        insta::assert_snapshot!(letter(
            &shown,
            "plant/line",
            input,
            Some(&problem),
            now(),
            Paint::default()
        ));
        let text = letter(&shown, "plant/line", input, None, now(), Paint::default());
        assert!(text.contains("✓ the record would be accepted"), "{text}");
    }

    #[test]
    fn what_a_replay_did_is_told_with_what_stays_and_why() {
        let refused = Refused {
            position: "0/3".parse().unwrap(),
            reason: "not_json".into(),
            detail: "expected value".into(),
        };
        let all = [
            Left::ReplayedBefore,
            Left::Accepted,
            Left::InOtherOutputs,
            Left::Incomplete,
            Left::OtherTopic,
            Left::RefusedAgain,
        ];
        let mut done = Outcome {
            dry_run: false,
            replayed: BTreeMap::from([("out_of_range".into(), 7), ("future".into(), 1)]),
            left: all.into_iter().zip(1..).collect(),
            refused: vec![refused],
        };
        insta::assert_snapshot!(outcome(&done, "sensor-data"));
        done = Outcome {
            dry_run: true,
            ..Outcome::default()
        };
        assert_eq!(
            outcome(&done, "sensor-data"),
            "No dead letters would be sent to sensor-data again.\n"
        );
    }
}
