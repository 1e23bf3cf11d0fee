#!/usr/bin/env bash
# Checks the chart: helm's own linter and the unit tests of its templates.
set -euo pipefail
source "$(dirname "$0")/say.sh"

PATH="$(cluster/tools.sh helm helm-unittest):$PATH"
say "helm lint"
helm lint --strict charts/sensorstream
say "helm-unittest"
helm-unittest charts/sensorstream
