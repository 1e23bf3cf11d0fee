#!/usr/bin/env bash
# Writes what is derived from the code. The tests fail when it is stale.
set -euo pipefail
source "$(dirname "$0")/say.sh"

crd=crds/sensorpipelines.sensorstream.dev.yaml
# The whole workspace: another choice of crates would compile dependencies anew, with other features.
cargo build --release --quiet --workspace --bins
built=${CARGO_TARGET_DIR:-target}/release
"$built/generate" >"$crd"
cp "$crd" charts/sensorstream/files/
say "wrote $crd and the chart's copy"
"$built/sensorstream-docs" metrics >docs/metrics.md
"$built/sensorstream-docs" openapi >ui/openapi.json
"$built/sensorstream-docs" spec >docs/spec.md
say "wrote docs/metrics.md, docs/spec.md and ui/openapi.json"
mkdir -p charts/sensorstream/files/dashboards
"$built/sensorstream-dashboards" dashboards
cp dashboards/*.json charts/sensorstream/files/dashboards/
say "wrote the dashboards and the chart's copies"
cp dashboards/alerts/rules.yaml charts/sensorstream/files/alerts.yaml
say "wrote the chart's copy of the alerts"
