//! The operator's arguments that show in the objects of pipelines.

use std::collections::BTreeMap;

use clap::{Args as _, Command, FromArgMatches as _};

use crate::plan::kubernetes::installation::{DashboardMarks, Image, Installation, Tracing};

/// How the operator is installed, as arguments say it.
#[derive(Clone, Debug, clap::Args)]
pub struct InstallationArguments {
    /// The image of the pipelines' pods
    #[arg(long, env = "PROCESSOR_IMAGE", default_value = concat!("ghcr.io/sensorstream/processor:", env!("CARGO_PKG_VERSION")))]
    processor_image: String,
    /// When to pull the image: Always, `IfNotPresent` or Never
    #[arg(long, env = "PROCESSOR_IMAGE_PULL_POLICY", default_value = "IfNotPresent", value_parser = ["Always", "IfNotPresent", "Never"])]
    processor_image_pull_policy: String,
    /// Whether the pipelines' pods ask to be scraped by prometheus.io/* annotations
    #[arg(long, env = "SCRAPE_ANNOTATIONS", default_value_t = true, action = clap::ArgAction::Set)]
    scrape_annotations: bool,
    /// Whether to make a Grafana dashboard of each pipeline's data, as a `ConfigMap`
    #[arg(long, env = "PIPELINE_DASHBOARDS", default_value_t = false, action = clap::ArgAction::Set)]
    pipeline_dashboards: bool,
    /// The label, KEY=VALUE, by which Grafana's sidecar finds dashboards
    #[arg(long, env = "DASHBOARD_LABEL", default_value = "grafana_dashboard=1", value_parser = pair)]
    dashboard_label: (String, String),
    /// An annotation, KEY=VALUE, of dashboards; may be given more than once
    #[arg(long = "dashboard-annotation", value_parser = pair)]
    dashboard_annotations: Vec<(String, String)>,
    /// Where the pipelines' pods send traces: a collector of OTLP over HTTP, such as `http://collector:4318`.
    /// Without it they send none
    #[arg(long, env = "PIPELINE_OTLP_ENDPOINT")]
    pipeline_otlp_endpoint: Option<String>,
    /// The share of readings that are traced then, 0 to 1
    #[arg(long, env = "PIPELINE_SAMPLING_RATIO", default_value = "0.01", value_parser = ratio)]
    pipeline_sampling_ratio: String,
}

impl InstallationArguments {
    /// The arguments of a container of the operator, by what its `args` and its environment say; the defaults
    /// where they say nothing. Arguments that do not show in the objects of pipelines are left alone.
    pub fn of_container(
        arguments: &[String],
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, clap::Error> {
        // The environment of this process has nothing to do with the container's.
        let command = Self::augment_args(Command::new("operator").no_binary_name(true));
        let known: Vec<(String, Option<String>)> = command
            .get_arguments()
            .filter_map(|argument| {
                let variable = argument.get_env().and_then(|name| name.to_str());
                Some((
                    format!("--{}", argument.get_long()?),
                    variable.map(str::to_owned),
                ))
            })
            .collect();
        let command = command.mut_args(|argument| argument.env(None));
        let mut given = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, value) = argument
                .split_once('=')
                .map_or((argument.as_str(), None), |(name, value)| {
                    (name, Some(value))
                });
            if known.iter().any(|(known, _)| known == name) {
                let value = value.map(str::to_owned).or_else(|| rest.next().cloned());
                given.push(format!("{name}={}", value.unwrap_or_default()));
            }
        }
        for (name, variable) in &known {
            let is_given = given
                .iter()
                .any(|given| given.starts_with(&format!("{name}=")));
            let value = variable
                .as_ref()
                .and_then(|variable| environment.get(variable));
            if let Some(value) = value.filter(|_| !is_given) {
                given.push(format!("{name}={value}"));
            }
        }
        Self::from_arg_matches(&command.try_get_matches_from(given)?)
    }

    /// What of this shows in pipelines' objects.
    pub fn installation(&self) -> Installation {
        let marks = DashboardMarks {
            label: self.dashboard_label.clone(),
            annotations: self.dashboard_annotations.iter().cloned().collect(),
        };
        let tracing = |endpoint: &String| Tracing {
            endpoint: endpoint.clone(),
            sampling_ratio: self.pipeline_sampling_ratio.clone(),
        };
        Installation {
            image: Image {
                name: self.processor_image.clone(),
                pull_policy: self.processor_image_pull_policy.clone(),
            },
            scrape_annotations: self.scrape_annotations,
            dashboards: self.pipeline_dashboards.then_some(marks),
            tracing: self.pipeline_otlp_endpoint.as_ref().map(tracing),
        }
    }
}

/// KEY=VALUE.
fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// A number from 0 to 1, as it was written.
fn ratio(text: &str) -> Result<String, String> {
    let is_share = text
        .parse()
        .is_ok_and(|share: f64| (0.0..=1.0).contains(&share));
    is_share
        .then(|| text.to_owned())
        .ok_or_else(|| "it is to be a number from 0 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str], environment: &[(&str, &str)]) -> Installation {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        let environment = environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        InstallationArguments::of_container(&arguments, &environment)
            .unwrap()
            .installation()
    }

    #[test]
    fn a_container_is_installed_as_its_arguments_say_and_then_its_environment() {
        let installation = of(
            &[
                "--listen=0.0.0.0:8080",
                "--processor-image",
                "example/processor:2",
                "--pipeline-dashboards=true",
            ],
            &[
                ("PROCESSOR_IMAGE", "example/processor:1"),
                ("PROCESSOR_IMAGE_PULL_POLICY", "Never"),
                ("POD_NAME", "operator-0"),
            ],
        );
        assert_eq!(installation.image.name, "example/processor:2");
        assert_eq!(installation.image.pull_policy, "Never");
        assert!(installation.dashboards.is_some());
        assert_eq!(installation.tracing, None);
    }

    #[test]
    fn the_defaults_are_those_of_the_program() {
        let installation = of(&[], &[]);
        assert!(
            installation
                .image
                .name
                .starts_with("ghcr.io/sensorstream/processor:")
        );
        assert!(installation.scrape_annotations);
    }
}
