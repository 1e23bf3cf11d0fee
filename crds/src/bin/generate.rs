//! Writes what is derived from the types: the CRD as YAML, on standard output.

use kube::CustomResourceExt;
use sensorstream_crds::SensorPipeline;

fn main() -> Result<(), serde_yaml_ng::Error> {
    print!("{}", serde_yaml_ng::to_string(&SensorPipeline::crd())?);
    Ok(())
}
