#!/usr/bin/env bash
# env.sh (make -s env): what a shell on this machine needs to reach the cluster, its PostgreSQL, its
# Kafka and, if minio.sh added it, its MinIO (with the keys of the Secret lake). Use: eval "$(make -s env)". Fails while there is no cluster.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
for part in processes owner health; do
  # shellcheck source=/dev/null
  source "$CLUSTER_DIR/lib/$part.sh"
done

[[ -f $STATE/ready ]] || die "there is no cluster: make cluster"
[[ $(owner) == "$CLONE" ]] || die "the cluster on this machine belongs to another clone: $(owner)"
external_host=127.0.0.1
if [[ ! -f $STATE/kind ]]; then
  components_alive || die "the cluster has died: make cluster"
  external_host=$NODE_IP
fi

cat <<END
export KUBECONFIG=$KUBECONFIG_ADMIN
export PATH=$(readlink "$STATE/bin"):\$PATH
export DATABASE_URL=$(<"$STATE/database-url")
export KAFKA_BOOTSTRAP=$external_host:$KAFKA_NODE_PORT
export LAKE_ENDPOINT=http://$external_host:$MINIO_NODE_PORT
export SENSORSTREAM_AUDIT_LOG=$AUDIT_LOG
END
