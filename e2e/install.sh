#!/usr/bin/env bash
# install.sh: installs the operator on the local cluster as the tests want it: deletions that wait for nobody for
# long, and everything there is to be seen by.
set -euo pipefail
cd "$(dirname "$0")/.."
exec scripts/install.sh --set operator.deletionGraceSeconds=15 --set dashboards.enabled=true \
  --set tracing.endpoint=http://jaeger.monitoring.svc:4318
