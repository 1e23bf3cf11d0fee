//! The description of the API, for the web dashboard's types: that of a pipeline with everything that an API has.

use sensorstream_crds::{
    SensorPipeline,
    runtime::{RoleConfigs, id_of},
};
use sensorstream_processor::serve;

const EXAMPLE: &str = include_str!("../../../examples/factory.yaml");

/// The description, in JSON.
pub(crate) fn document() -> String {
    let mut pipeline: SensorPipeline =
        serde_yaml_ng::from_str(EXAMPLE).expect("the example parses");
    pipeline.metadata.namespace = Some("default".to_owned());
    let configs = RoleConfigs::of(&id_of(&pipeline), &pipeline.spec);
    let config = configs.serve.expect("the example has an API");
    let mut text = serve::description(&config).expect("the example's windows have tables");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_dashboards_copy_is_what_the_code_says() {
        let written = include_str!("../../../ui/openapi.json");
        assert!(
            written == super::document(),
            "ui/openapi.json is stale: run scripts/generate.sh"
        );
    }
}
