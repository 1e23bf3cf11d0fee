#!/usr/bin/env bash
# Writes what is derived from the types. The tests fail when it is stale.
set -euo pipefail
source "$(dirname "$0")/say.sh"

crd=crds/sensorpipelines.sensorstream.dev.yaml
cargo run --release --quiet -p sensorstream-crds --bin generate >"$crd"
cp "$crd" charts/sensorstream/files/
say "wrote $crd and the chart's copy"
# The whole workspace: another choice of crates would compile dependencies anew, with other features.
cargo build --release --quiet --workspace --bins
"${CARGO_TARGET_DIR:-target}"/release/sensorstream-docs >docs/metrics.md
say "wrote docs/metrics.md"
