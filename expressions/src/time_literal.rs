//! Times and spans of time as CEL writes them in text.

/// Why a text is no duration or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadTime {
    /// It is written in another way.
    Malformed,
    /// It is finer than microseconds, which is all that readings have.
    TooFine,
}

/// The microseconds of a duration as Go writes it: `1h30m`, `1.5s`, `-5m`.
pub(crate) fn parse_duration(text: &str) -> Result<i64, BadTime> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(BadTime::Malformed);
    }
    let mut nanoseconds: i128 = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| c != '.' && !c.is_ascii_digit());
        let (number, after) = rest.split_at(number.ok_or(BadTime::Malformed)?);
        let unit = after.find(|c: char| c == '.' || c.is_ascii_digit());
        let (unit, after) = after.split_at(unit.unwrap_or(after.len()));
        let length: i128 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" => 1_000,
            "ns" => 1,
            _ => return Err(BadTime::Malformed),
        };
        nanoseconds += nanoseconds_of(number, length)?;
        rest = after;
    }
    if nanoseconds % 1_000 != 0 {
        return Err(BadTime::TooFine);
    }
    i64::try_from(sign * nanoseconds / 1_000).map_err(|_| BadTime::Malformed)
}

/// A decimal number of units.
fn nanoseconds_of(number: &str, unit: i128) -> Result<i128, BadTime> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.len() > 18 || fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return Err(BadTime::Malformed);
    }
    let digits: i128 = format!("{whole}{fraction}")
        .parse()
        .map_err(|_| BadTime::Malformed)?;
    let scale = 10_i128.pow(fraction.len() as u32);
    if digits * unit % scale != 0 {
        return Err(BadTime::TooFine);
    }
    Ok(digits * unit / scale)
}

/// The microseconds since 1970 of an RFC 3339 time.
pub(crate) fn parse_timestamp(text: &str) -> Result<i64, BadTime> {
    // What else the library reads is none of CEL's: weeks, zones in brackets, a space for the T.
    let rfc_3339 = text.as_bytes().get(10) == Some(&b'T') && !text.contains('[');
    let time: jiff::Timestamp = text
        .parse()
        .ok()
        .filter(|_| rfc_3339)
        .ok_or(BadTime::Malformed)?;
    if time.as_nanosecond() % 1_000 != 0 {
        return Err(BadTime::TooFine);
    }
    Ok(time.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_s() {
        for (text, micros) in [
            ("5m", 300_000_000),
            ("1h30m", 5_400_000_000),
            ("1.5s", 1_500_000),
            (".5s", 500_000),
            ("-250ms", -250_000),
            ("7us", 7),
            ("2000ns", 2),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(micros), "{text}");
        }
        for text in ["", "-", "5", "m", "5 m", "1d", "1..5s", "5m3", "1.s5"] {
            assert_eq!(parse_duration(text), Err(BadTime::Malformed), "{text}");
        }
        assert_eq!(parse_duration("1ns"), Err(BadTime::TooFine));
        assert_eq!(parse_duration("0.0000001s"), Err(BadTime::TooFine));
        assert_eq!(
            parse_duration("999999999999999999h"),
            Err(BadTime::Malformed)
        );
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(
            parse_timestamp("1970-01-01T00:00:01.000002Z"),
            Ok(1_000_002)
        );
        assert_eq!(parse_timestamp("1970-01-01T02:00:00+02:00"), Ok(0));
        for text in [
            "2025-01-01",
            "2025-01-01 00:00:00Z",
            "2025-01-01T00:00:00",
            "now",
        ] {
            assert_eq!(parse_timestamp(text), Err(BadTime::Malformed), "{text}");
        }
        assert_eq!(
            parse_timestamp("2025-01-01T00:00:00.0000001Z"),
            Err(BadTime::TooFine)
        );
    }
}
