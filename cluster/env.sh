#!/usr/bin/env bash
# env.sh (make -s env): what a shell on this machine needs to reach the cluster, its PostgreSQL, its
# Kafka and what was added to it: by minio.sh MinIO (with the keys of the Secret lake), by prometheus.sh
# Prometheus, by grafana.sh Grafana, by jaeger.sh Jaeger (its query API, and where it takes spans by OTLP
# over HTTP); and by `make demo` the web dashboard of its pipeline.
# Use: eval "$(make -s env)". Fails while there is no cluster.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
for part in processes owner health; do
  # shellcheck source=/dev/null
  source "$CLUSTER_DIR/lib/$part.sh"
done

[[ -f $STATE/ready ]] || die "there is no cluster: make cluster"
[[ $(owner) == "$CLONE" ]] || die "the cluster on this machine belongs to another clone: $(owner)"
[[ -f $STATE/kind ]] || components_alive || die "the cluster has died: make cluster"
host=$(external_host)

cat <<END
export KUBECONFIG=$KUBECONFIG_ADMIN
export PATH=$(readlink "$STATE/bin"):\$PATH
export DATABASE_URL=$(<"$STATE/database-url")
export KAFKA_BOOTSTRAP=$host:$KAFKA_NODE_PORT
export LAKE_ENDPOINT=http://$host:$MINIO_NODE_PORT
export PROMETHEUS_URL=http://$host:$PROMETHEUS_NODE_PORT
export GRAFANA_URL=http://$host:$GRAFANA_NODE_PORT
export DASHBOARD_URL=http://$host:$DASHBOARD_NODE_PORT
export JAEGER_URL=http://$host:$JAEGER_NODE_PORT
export OTLP_ENDPOINT=http://$host:$OTLP_NODE_PORT
export SENSORSTREAM_AUDIT_LOG=$AUDIT_LOG
END
