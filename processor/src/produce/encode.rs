//! Writing JSON straight into a buffer that is used again for every reading.

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};

/// Microseconds are what PostgreSQL keeps.
const TIMES: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// Appends the digits of a number, with zeros before them up to `width`.
pub(super) fn push_digits(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 || at == digits.len() {
        at -= 1;
        digits[at] += (number % 10) as u8;
        number /= 10;
    }
    let from = at.min(digits.len() - width.min(digits.len()));
    out.extend_from_slice(&digits[from..]);
}

/// Appends `steps` · 10^-`decimals` as a decimal number.
pub(super) fn push_decimal(out: &mut Vec<u8>, steps: i64, decimals: u8) {
    if steps < 0 {
        out.push(b'-');
    }
    let start = out.len();
    let decimals = usize::from(decimals);
    push_digits(out, steps.unsigned_abs(), decimals + 1);
    if decimals > 0 {
        let point = out.len() - decimals;
        debug_assert!(point > start);
        out.insert(point, b'.');
    }
}

/// Appends a time as RFC 3339 in UTC, with microseconds.
pub(super) fn push_time(out: &mut Vec<u8>, time: Timestamp) {
    TIMES
        .print_timestamp(&time, out)
        .expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn small_fractions_keep_their_zeros() {
        assert_eq!(written(|out| push_decimal(out, -5, 2)), "-0.05");
        assert_eq!(written(|out| push_decimal(out, 0, 0)), "0");
        assert_eq!(
            written(|out| push_decimal(out, i64::MIN, 9)),
            "-9223372036.854775808"
        );
        assert_eq!(written(|out| push_digits(out, 7, 3)), "007");
        assert_eq!(written(|out| push_digits(out, 1234, 3)), "1234");
    }

    #[test]
    fn times_end_in_z_with_microseconds() {
        let time: Timestamp = "2025-08-17T12:34:56.7+02:00".parse().unwrap();
        assert_eq!(
            written(|out| push_time(out, time)),
            "2025-08-17T10:34:56.700000Z"
        );
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_standard_library(number: u64, width in 0_usize..20) {
            prop_assert_eq!(written(|out| push_digits(out, number, width)), format!("{number:0width$}"));
        }
    }
}
