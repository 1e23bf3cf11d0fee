//! A pipeline as a file.

use std::path::Path;

use sensorstream_crds::SensorPipeline;

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no file.
    #[error("reading the pipeline")]
    File(#[from] std::io::Error),
    /// It is no resource.
    #[error("the file is no SensorPipeline")]
    Parse(#[from] serde_yaml_ng::Error),
}

/// Reads a resource, as YAML.
pub fn read(file: &Path) -> Result<SensorPipeline, ReadError> {
    Ok(serde_yaml_ng::from_str(&std::fs::read_to_string(file)?)?)
}
