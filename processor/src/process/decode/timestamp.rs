//! RFC 3339 times, strictly: date, `T`, time, optional fraction, `Z` or an offset.
//!
//! A fraction finer than a microsecond is cut off, because PostgreSQL keeps no more. The leap
//! second 60 is read as 59, as Rust's and Java's time libraries do.

/// Microseconds from 1970 to 2000, where PostgreSQL counts from.
pub const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;
/// The first moment allowed: the beginning of 2000.
const EARLIEST_US: i64 = POSTGRES_EPOCH_US;
/// The first moment beyond: the beginning of 2101.
const BEYOND_US: i64 = 4_133_980_800_000_000;

/// Why a text is no time that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTimestamp {
    /// It is not written as RFC 3339 wants it.
    NotRfc3339,
    /// It is not within the years 2000 to 2100.
    OutsideYears,
}

/// The time as microseconds since 1970.
pub fn parse(text: &str) -> Result<i64, BadTimestamp> {
    let micros = parse_any_year(text.as_bytes()).ok_or(BadTimestamp::NotRfc3339)?;
    if (EARLIEST_US..BEYOND_US).contains(&micros) {
        Ok(micros)
    } else {
        Err(BadTimestamp::OutsideYears)
    }
}

fn parse_any_year(text: &[u8]) -> Option<i64> {
    let (moment, rest) = text.split_first_chunk::<19>()?;
    let pair = |at: usize| {
        let (tens, ones) = (
            moment[at].wrapping_sub(b'0'),
            moment[at + 1].wrapping_sub(b'0'),
        );
        (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
    };
    if moment[4] != b'-'
        || moment[7] != b'-'
        || !matches!(moment[10], b'T' | b't')
        || moment[13] != b':'
        || moment[16] != b':'
    {
        return None;
    }
    let (year, month, day) = (pair(0)? * 100 + pair(2)?, pair(5)?, pair(8)?);
    let (hour, minute, second) = (pair(11)?, pair(14)?, pair(17)?);
    if !(1..=12).contains(&month)
        || !(1..=days_in_month(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let (micros, offset) = match rest.split_first()? {
        (b'.', fraction) => {
            let digits = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if digits == 0 {
                return None;
            }
            let (fraction, offset) = fraction.split_at(digits);
            let micros = (0..6).fold(0, |micros, place| {
                micros * 10
                    + fraction
                        .get(place)
                        .map_or(0, |digit| i64::from(digit - b'0'))
            });
            (micros, offset)
        }
        _ => (0, rest),
    };
    let seconds =
        days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second.min(59)
            - offset_seconds(offset)?;
    Some(seconds * 1_000_000 + micros)
}

fn offset_seconds(text: &[u8]) -> Option<i64> {
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2]
            if [h1, h2, m1, m2].iter().all(u8::is_ascii_digit) =>
        {
            let pair = |tens: u8, ones: u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            let (hours, minutes) = (pair(h1, h2), pair(m1, m2));
            let seconds = hours * 3_600 + minutes * 60;
            (hours <= 23 && minutes <= 59).then_some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days in the proleptic Gregorian calendar, with years that begin in March so that the leap day
/// comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_microseconds_since_1970() {
        assert_eq!(parse("2000-01-01T00:00:00Z"), Ok(POSTGRES_EPOCH_US));
        assert_eq!(parse("2100-12-31T23:59:59.999999Z"), Ok(BEYOND_US - 1));
        assert_eq!(
            parse("2024-02-29T12:00:00.1234567+02:00"),
            Ok(1_709_200_800_123_456)
        );
        assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2016-12-31T23:59:59Z"));
        assert_eq!(
            parse("2024-05-05t05:05:05z"),
            parse("2024-05-05T05:05:05-00:00")
        );
    }

    #[test]
    fn what_is_not_rfc_3339_is_refused() {
        for text in [
            "",
            "2024",
            "2024-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01 00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:61Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+0100",
            "2024-01-01T00:00:00+24:00",
            "2024-01-01T00:00:00Z ",
            "20240101T000000Z",
            "1704067200",
            "2024-01-01T00:00:00+01:0é",
        ] {
            assert_eq!(parse(text), Err(BadTimestamp::NotRfc3339), "{text}");
        }
    }

    #[test]
    fn years_are_bounded_by_the_instant() {
        assert_eq!(
            parse("1999-12-31T23:59:59Z"),
            Err(BadTimestamp::OutsideYears)
        );
        assert_eq!(
            parse("2000-01-01T00:00:00+00:01"),
            Err(BadTimestamp::OutsideYears)
        );
        assert_eq!(
            parse("2101-01-01T00:00:00Z"),
            Err(BadTimestamp::OutsideYears)
        );
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(micros in EARLIEST_US..BEYOND_US, minutes in -1439_i32..=1439) {
            let offset = jiff::tz::Offset::from_seconds(minutes * 60).unwrap();
            let timestamp = jiff::Timestamp::from_microsecond(micros).unwrap();
            let text = timestamp.display_with_offset(offset).to_string();
            prop_assert_eq!(parse(&text), Ok(micros), "{}", text);
        }

        #[test]
        fn takes_no_moment_that_jiff_refuses(
            text in "20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-9]{2})"
        ) {
            let expected: Option<jiff::Timestamp> = text.parse().ok();
            // jiff reads offsets of up to 25 hours; RFC 3339 ends at 23:59.
            if let Ok(micros) = parse(&text) {
                prop_assert_eq!(Some(micros), expected.map(jiff::Timestamp::as_microsecond));
            }
        }
    }
}
