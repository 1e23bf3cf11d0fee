//! Gauges whose series are written down as they are asked for. A registry keeps every series with its name, help and
//! labels, and copies all of it for each scrape; where there are thousands, and they follow from what the program
//! has in memory anyway, that is most of the program's memory.

use std::fmt::Write;

use super::Kind;

/// A gauge of which nothing is kept.
#[derive(Clone, Debug)]
pub struct Listed {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) labels: Vec<String>,
}

impl Listed {
    /// Begins a scrape's part, in Prometheus' text format.
    pub fn begin(&self, text: &mut String) {
        let Self { name, help, .. } = self;
        let kind = Kind::Gauge.as_str();
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// Writes a series: the values of its labels, and its own.
    pub fn series(&self, text: &mut String, values: &[&str], value: f64) {
        text.push_str(&self.name);
        for (number, (label, value)) in self.labels.iter().zip(values).enumerate() {
            text.push(if number == 0 { '{' } else { ',' });
            text.push_str(label);
            text.push_str("=\"");
            for character in value.chars() {
                match character {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    other => text.push(other),
                }
            }
            text.push('"');
        }
        if !self.labels.is_empty() {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::Catalog;

    #[test]
    fn series_are_written_as_prometheus_reads_them() {
        let catalog = Catalog::default();
        let group = catalog.group("app");
        let doors = group.listed("doors", "Doors.", &["room", "state"]);
        let mut text = String::new();
        doors.begin(&mut text);
        doors.series(&mut text, &["a \"b\"\\\n", "open"], 1.0);
        doors.series(&mut text, &["c", "shut"], 0.5);
        let expected = "\
# HELP app_doors Doors.
# TYPE app_doors gauge
app_doors{room=\"a \\\"b\\\"\\\\\\n\",state=\"open\"} 1
app_doors{room=\"c\",state=\"shut\"} 0.5
";
        assert_eq!(text, expected);
        assert_eq!(catalog.definitions()[0].name, "app_doors");
    }
}
