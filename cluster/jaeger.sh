#!/usr/bin/env bash
# jaeger.sh: adds Jaeger to the cluster that is up: it takes traces by OTLP over HTTP and keeps the newest in
# memory. Building it takes some minutes the first time, which who looks at no traces need not wait for.
# Does nothing when it is there.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
for part in cache packages processes owner images additions; do
  # shellcheck source=/dev/null
  source "$CLUSTER_DIR/lib/$part.sh"
done

begin_addition
deployed jaeger && exit 0
provide_image jaeger
kubectl apply -f "$CLUSTER_DIR/manifests/monitoring.yaml" -f "$CLUSTER_DIR/manifests/jaeger.yaml" >/dev/null
say "waiting for Jaeger"
wait_for 300 Jaeger deployed jaeger
say "Jaeger is up: http://$(external_host):$JAEGER_NODE_PORT/api/traces; pods send spans to http://jaeger.monitoring:4318"
