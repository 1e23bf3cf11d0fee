#!/usr/bin/env bash
# test.sh [--torture]: every test, from a machine with nothing set up. Starts the cluster if there is
# none; --torture runs the fault tests at full length instead of their seeded subset.
set -euo pipefail
source "$(dirname "$0")/say.sh"

[[ ${1:-} != --torture ]] || export SENSORSTREAM_TORTURE=1
scripts/images.sh
say "compiling the tests"
cargo test --release --workspace --no-run
scripts/ui.sh test
scripts/ui.sh browser
scripts/postgres.sh
scripts/venv.sh scripts/schemathesis.txt >/dev/null
scripts/chart.sh
scripts/alerts.sh
say "an S3 server and readers of Parquet, for the lake's tests"
cluster/tools.sh minio >/dev/null
lake/tests/readers/venv.sh >/dev/null
cluster/up.sh
cluster/minio.sh
cluster/prometheus.sh
cluster/jaeger.sh
e2e/install.sh
eval "$(cluster/env.sh)"
SENSORSTREAM_OPERATOR_IMAGE=$(<target/images/operator.name)
SENSORSTREAM_PROCESSOR_IMAGE=$(<target/images/processor.name)
export SENSORSTREAM_OPERATOR_IMAGE SENSORSTREAM_PROCESSOR_IMAGE
# Tests of the whole wait (for a group to rebalance, a pod to start) far more than they work.
export RUST_TEST_THREADS=6
# Always the whole workspace: another choice of crates would ask for other features of the
# dependencies, and compile them again.
if [[ -n ${SENSORSTREAM_TORTURE:-} ]]; then
  say "the fault tests, at full length"
  cargo test --release --workspace --test faults -- --nocapture
  cargo test --release --workspace --test process -- systems::
  # What is measured here has the machine to itself.
  cargo test --release --workspace --test process -- --ignored soak:: --test-threads 2
else
  say "the tests"
  cargo test --release --workspace --no-fail-fast
fi
