//! What a column's values are measured in, by the ending of its name, as far as that is customary.

/// Endings and Grafana's units for them.
const ENDINGS: [(&str, &str); 18] = [
    ("_c", "celsius"),
    ("_celsius", "celsius"),
    ("_f", "fahrenheit"),
    ("_fahrenheit", "fahrenheit"),
    ("_percent", "percent"),
    ("_pct", "percent"),
    ("_seconds", "s"),
    ("_ms", "ms"),
    ("_bytes", "bytes"),
    ("_hz", "hertz"),
    ("_volts", "volt"),
    ("_amps", "amp"),
    ("_watts", "watt"),
    ("_kwh", "kwatth"),
    ("_g", "accG"),
    ("_pa", "pressurepa"),
    ("_hpa", "pressurehpa"),
    ("_bar", "pressurebar"),
];

/// Grafana's unit for a column.
pub(super) fn of(column: &str) -> &'static str {
    let found = ENDINGS.iter().find(|(ending, _)| column.ends_with(ending));
    found.map_or("short", |(_, unit)| unit)
}
