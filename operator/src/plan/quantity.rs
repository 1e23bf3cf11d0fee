//! Kubernetes quantities: the API server writes `1024Mi` back as `1Gi`, so texts that differ
//! may mean the same.

/// The amount in billionths, or `None` when the text is no quantity.
pub fn billionths(text: &str) -> Option<i128> {
    let split = text
        .char_indices()
        .find(|&(at, c)| !(c.is_ascii_digit() || c == '.' || (at == 0 && matches!(c, '+' | '-'))))
        .map_or(text.len(), |(at, _)| at);
    let (number, suffix) = text.split_at(split);
    let (negative, digits) = match number.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    let scaled = scaled(mantissa, suffix)?;
    // A fraction finer than a billionth is rounded up, as Kubernetes does.
    let divisor = 10_i128.checked_pow(places)?;
    let amount = scaled.checked_add(divisor - 1)?.div_euclid(divisor);
    Some(if negative { -amount } else { amount })
}

fn scaled(mantissa: i128, suffix: &str) -> Option<i128> {
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    if let Some(power) = BINARY.iter().position(|binary| *binary == suffix) {
        let factor = 1024_i128.checked_pow(u32::try_from(power).ok()? + 1)?;
        return mantissa.checked_mul(factor)?.checked_mul(1_000_000_000);
    }
    if let Some(power) = DECIMAL.iter().position(|decimal| *decimal == suffix) {
        return mantissa.checked_mul(1000_i128.checked_pow(u32::try_from(power).ok()?)?);
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    mantissa.checked_mul(10_i128.checked_pow(u32::try_from(exponent + 9).ok()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_amounts_are_equal_however_written() {
        for (one, other) in [
            ("1024Mi", "1Gi"),
            ("0.5", "500m"),
            ("1e3", "1k"),
            ("1000000n", "1m"),
            ("1.5Gi", "1536Mi"),
            ("+2", "2"),
        ] {
            assert!(billionths(one).is_some(), "{one}");
            assert_eq!(billionths(one), billionths(other), "{one} and {other}");
        }
        assert_ne!(billionths("1G"), billionths("1Gi"));
        for wrong in ["", "Mi", "1x", "one", "1.2.3"] {
            assert_eq!(billionths(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_thousand_milli_are_one(amount in 0_i64..1_000_000_000) {
            prop_assert_eq!(billionths(&format!("{amount}000m")), billionths(&amount.to_string()));
        }
    }
}
