#!/usr/bin/env bash
# prometheus.sh: adds Prometheus to the cluster that is up. It reads the metrics of every pod that asks for
# it by annotation, and evaluates dashboards/alerts/rules.yaml, if there is one. Run again, it has
# Prometheus read what has changed of its configuration, and keeps what was gathered. Does nothing when
# Prometheus is there and its configuration is current.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
for part in cache packages processes owner images additions; do
  # shellcheck source=/dev/null
  source "$CLUSTER_DIR/lib/$part.sh"
done

manifest=$CLUSTER_DIR/manifests/prometheus.yaml
config=$STATE/config/prometheus.yml
rules=()
[[ ! -f $CLONE/dashboards/alerts/rules.yaml ]] || rules=("$CLONE/dashboards/alerts/rules.yaml")
url=http://$(external_host):$PROMETHEUS_NODE_PORT

# write_config: the official image finds pods by itself, ours has a program of its own beside it for that.
write_config() {
  local DISCOVERY='kubernetes_sd_configs: [{ role: pod }]'
  # shellcheck disable=SC2034 # used by render
  [[ -f $STATE/kind ]] || DISCOVERY='http_sd_configs: [{ url: "http://127.0.0.1:9099/pods", refresh_interval: 5s }]'
  render "$CLUSTER_DIR/config/prometheus.yml" >"$config"
}

# current: this very configuration was taken in. The Deployment's annotation says which one was.
current() {
  [[ $(kubectl --request-timeout 5s get deployment prometheus --namespace monitoring --ignore-not-found \
    -o 'jsonpath={.metadata.annotations.sensorstream\.dev/configuration}') == "$wanted" ]]
}

# config_map NAME [FILE]...
config_map() {
  local name=$1
  shift
  kubectl create configmap "$name" --namespace monitoring "${@/#/--from-file=}" --dry-run=client -o yaml |
    kubectl apply -f - >/dev/null
}

# config_arrived: the pod has the files as they are here.
config_arrived() {
  cmp -s <(cat "$config" "${rules[@]}") <(kubectl --request-timeout 5s exec deployment/prometheus --namespace monitoring 9>&- -- \
    sh -c 'cat /etc/prometheus/prometheus.yml; [ ! -e /etc/prometheus/rules.yaml ] || cat /etc/prometheus/rules.yaml' 2>/dev/null)
}

# fail MESSAGE: with what Prometheus says itself, such as which rule it does not understand.
fail() {
  kubectl logs deployment/prometheus --namespace monitoring --tail 100 2>&1 | grep level=error | tail -3 >&2 || true
  die "$1"
}

take_in_config() {
  local answer
  # The kubelet brings new contents of ConfigMaps to a pod within a minute or two; at once to one that changes.
  kubectl annotate pod --namespace monitoring -l app.kubernetes.io/name=prometheus --overwrite \
    "sensorstream.dev/configuration=$wanted" >/dev/null
  wait_for 180 "Prometheus' configuration" config_arrived
  wait_for 30 "Prometheus at $url" curl -fsS --max-time 5 "$url/-/ready" # a node port works a moment after its pod
  answer=$(curl -sS --fail-with-body --max-time 30 -X POST "$url/-/reload" 2>&1) || fail "Prometheus does not take its configuration: $answer"
  kubectl annotate deployment prometheus --namespace monitoring --overwrite "sensorstream.dev/configuration=$wanted" >/dev/null
}

begin_addition
write_config
wanted=$(content_hash "$manifest" "$config" "${rules[@]}")
current && deployed prometheus && exit 0
provide_image prometheus
kubectl apply -f "$CLUSTER_DIR/manifests/monitoring.yaml" >/dev/null
# Until all is done, no configuration counts as taken in.
kubectl annotate deployment prometheus --namespace monitoring sensorstream.dev/configuration- >/dev/null 2>&1 || true
config_map prometheus "$config"
config_map prometheus-rules "${rules[@]}"
kubectl apply -f "$manifest" >/dev/null
say "waiting for Prometheus"
within 300 deployed prometheus || fail "Prometheus: not within 300 s"
take_in_config
say "Prometheus is up: $url, and http://prometheus.monitoring:9090 for pods"
