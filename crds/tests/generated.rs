//! What is derived from the types is in the repository, so that a diff shows, and is not stale.

use kube::CustomResourceExt;
use sensorstream_crds::SensorPipeline;

#[test]
fn the_crd_is_not_stale() {
    let fresh = serde_yaml_ng::to_string(&SensorPipeline::crd()).unwrap();
    for path in [
        "sensorpipelines.sensorstream.dev.yaml",
        "../charts/sensorstream/files/sensorpipelines.sensorstream.dev.yaml",
    ] {
        let stored = std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR")))
            .unwrap_or_else(|error| panic!("{path}: {error}; run make generate"));
        assert!(stored == fresh, "{path} is stale; run make generate");
    }
}
