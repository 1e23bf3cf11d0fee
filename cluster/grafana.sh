#!/usr/bin/env bash
# grafana.sh: adds Grafana to the cluster that is up, if it is kind, which pulls the official images; there
# is nothing to build them from elsewhere. It shows the dashboards of all ConfigMaps with the label
# grafana_dashboard: "1", from prometheus.sh's Prometheus and the cluster's PostgreSQL. Does nothing when it
# is there.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
for part in processes owner additions; do
  # shellcheck source=/dev/null
  source "$CLUSTER_DIR/lib/$part.sh"
done

begin_addition
if [[ ! -f $STATE/kind ]]; then
  say "no Grafana: its image comes from a registry, which takes a container engine and kind"
  exit 0
fi

# Through a file, not arguments, which other users of the machine could read.
make_secrets() {
  kubectl get secret postgres --namespace default -o json |
    jq '{ apiVersion, kind, type, data, metadata: { name: .metadata.name, namespace: "monitoring" } }' |
    kubectl apply -f - >/dev/null
  # A known secret stays: Grafana's pod has it.
  kubectl get secret grafana --namespace monitoring >/dev/null 2>&1 || kubectl apply -f - >/dev/null <<END
apiVersion: v1
kind: Secret
metadata: { name: grafana, namespace: monitoring }
stringData: { admin-password: "$(openssl rand -hex 16)" }
END
}

deployed grafana && exit 0
kubectl apply -f "$CLUSTER_DIR/manifests/monitoring.yaml" >/dev/null
make_secrets
kubectl apply -f "$CLUSTER_DIR/manifests/grafana.yaml" >/dev/null
say "waiting for Grafana"
wait_for 600 Grafana deployed grafana
say "Grafana is up: http://$(external_host):$GRAFANA_NODE_PORT"
