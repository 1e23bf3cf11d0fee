//! Scalars of the resource that JSON has no type for: durations, sizes, percentages and
//! exact decimals. Each is checked by a pattern in the schema and parsed here.

use std::{borrow::Cow, fmt, time::Duration as StdDuration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A span of time in Go's notation (GEP-2257) with days added: `500ms`, `90s`, `1h30m`, `30d`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(pub String);

/// The pattern every duration satisfies: one to four numbers, each with its unit.
pub const DURATION_PATTERN: &str = "^([0-9]{1,5}(d|h|m|s|ms)){1,4}$";

impl Duration {
    /// The length of the span, or `None` when the text does not match [`DURATION_PATTERN`].
    pub fn parse(&self) -> Option<StdDuration> {
        let mut rest = self.0.as_str();
        let mut total = StdDuration::ZERO;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u64 = rest[..digits].parse().ok()?;
            rest = &rest[digits..];
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            let unit_ms = match &rest[..letters] {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            rest = &rest[letters..];
            total += StdDuration::from_millis(number.checked_mul(unit_ms)?);
        }
        Some(total)
    }

    /// The length of the span.
    ///
    /// # Panics
    /// When the text is no duration: only resources that passed validation may get here.
    pub fn get(&self) -> StdDuration {
        self.parse()
            .unwrap_or_else(|| panic!("`{}` is no duration; was it validated?", self.0))
    }
}

impl From<&str> for Duration {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": DURATION_PATTERN, "maxLength": 32 })
    }
}

/// An amount of memory in Kubernetes' notation, in whole binary units: `512Ki`, `32Mi`, `1Gi`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(pub String);

/// The pattern every size satisfies.
pub const BYTE_SIZE_PATTERN: &str = "^[0-9]{1,5}(Ki|Mi|Gi)$";

impl ByteSize {
    /// The number of bytes, or `None` when the text does not match [`BYTE_SIZE_PATTERN`].
    pub fn parse(&self) -> Option<u64> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = self.0.split_at(digits);
        let unit = match unit {
            "Ki" => 1 << 10,
            "Mi" => 1 << 20,
            "Gi" => 1 << 30,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(unit)
    }

    /// The number of bytes.
    ///
    /// # Panics
    /// When the text is no size: only resources that passed validation may get here.
    pub fn get(&self) -> u64 {
        self.parse()
            .unwrap_or_else(|| panic!("`{}` is no size; was it validated?", self.0))
    }
}

impl From<&str> for ByteSize {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": BYTE_SIZE_PATTERN, "maxLength": 7 })
    }
}

/// A share as text, `0%` to `100%` with up to four decimals: `0.5%`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(pub String);

/// The pattern every percentage satisfies.
pub const PERCENT_PATTERN: &str = r"^(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)%$";

impl Percent {
    /// The share as a fraction, 0.0 to 1.0; `None` when the text is no percentage.
    pub fn parse(&self) -> Option<f64> {
        let number: f64 = self.0.strip_suffix('%')?.parse().ok()?;
        (0.0..=100.0).contains(&number).then_some(number / 100.0)
    }
}

impl Default for Percent {
    fn default() -> Self {
        Self("0%".into())
    }
}

impl From<&str> for Percent {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PERCENT_PATTERN, "maxLength": 8 })
    }
}

/// A decimal number as an integer (`20`) or as text (`"20.5"`). Kubernetes resources hold no
/// floating point, so that every client reads back what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Decimal {
    /// A whole number.
    Integer(i64),
    /// Digits with an optional fraction.
    Text(String),
}

/// The pattern a decimal written as text satisfies.
pub const DECIMAL_PATTERN: &str = r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$";

impl Decimal {
    /// The nearest `f64`, or `None` when the text is no number.
    pub fn parse(&self) -> Option<f64> {
        match self {
            Self::Integer(n) => Some(*n as f64),
            Self::Text(text) => text.parse().ok(),
        }
    }

    /// The nearest `f64`.
    ///
    /// # Panics
    /// When the text is no number: only resources that passed validation may get here.
    pub fn get(&self) -> f64 {
        self.parse()
            .unwrap_or_else(|| panic!("`{self}` is no number; was it validated?"))
    }
}

impl From<i64> for Decimal {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}

impl From<&str> for Decimal {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => n.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl JsonSchema for Decimal {
    fn schema_name() -> Cow<'static, str> {
        "Decimal".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "pattern": DECIMAL_PATTERN,
            "maxLength": 26
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_add_up_their_parts() {
        let parsed = |text: &str| Duration::from(text).parse();
        assert_eq!(parsed("1h30m"), Some(StdDuration::from_mins(90)));
        assert_eq!(parsed("30d"), Some(StdDuration::from_hours(720)));
        assert_eq!(parsed("500ms"), Some(StdDuration::from_millis(500)));
        for wrong in ["", "5", "m", "1y", "-1s", "1.5s"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_have_binary_units() {
        let parsed = |text: &str| ByteSize::from(text).parse();
        assert_eq!(parsed("512Ki"), Some(524_288));
        assert_eq!(parsed("32Mi"), Some(33_554_432));
        assert_eq!(parsed("99999Gi"), Some(99_999 << 30));
        for wrong in ["", "32", "Mi", "32M", "1.5Gi", "-1Mi"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn percentages_are_fractions() {
        assert_eq!(Percent::from("1%").parse(), Some(0.01));
        assert_eq!(Percent::from("100%").parse(), Some(1.0));
        assert_eq!(Percent::from("101%").parse(), None);
        assert_eq!(Percent::from("1").parse(), None);
    }

    proptest! {
        #[test]
        fn whatever_the_pattern_takes_parses(text in "([0-9]{1,5}(d|h|m|s|ms)){1,4}") {
            prop_assert!(Duration(text).parse().is_some());
        }

        #[test]
        fn whatever_the_size_pattern_takes_parses(text in "[0-9]{1,5}(Ki|Mi|Gi)") {
            prop_assert!(ByteSize(text).parse().is_some());
        }

        #[test]
        fn whatever_the_decimal_pattern_takes_parses(text in r"-?[0-9]{1,15}(\.[0-9]{1,9})?") {
            prop_assert!(Decimal::Text(text).parse().is_some());
        }
    }
}
