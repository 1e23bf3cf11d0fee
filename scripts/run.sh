#!/usr/bin/env bash
# run.sh PIPELINE [OPTION...]: runs examples/PIPELINE.yaml, or a file of that name, on this machine, without
# Kubernetes. Builds what that needs first; what is built already is left alone.
set -euo pipefail
source "$(dirname "$0")/say.sh"

name=${1:-environment}
shift || true
file=$name
[[ -f $file ]] || file=examples/$name.yaml
[[ -f $file ]] || die "there is no $file; there are: $(cd examples && echo *.yaml)"

scripts/prerequisites.sh
scripts/postgres.sh
scripts/ui.sh build
say "compiling sensorstream (the first time takes some minutes)"
# The whole workspace, so that every dependency gets the features that the tests build it with too.
cargo build --release --quiet --workspace --bin sensorstream
exec "${CARGO_TARGET_DIR:-target}/release/sensorstream" run "$file" "$@"
