#!/usr/bin/env bash
# Checks format, lints, the web dashboard, the chart and the alerts.
set -euo pipefail
source "$(dirname "$0")/say.sh"

scripts/prerequisites.sh
say "format"
cargo fmt --all --check
say "clippy"
cargo clippy --release --quiet --workspace --all-targets -- -D warnings
scripts/ui.sh lint
scripts/chart.sh
scripts/alerts.sh
