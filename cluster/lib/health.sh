# Is the cluster up, and of which kind?
# shellcheck shell=bash

COMPONENTS="containerd etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy coredns"

# components_alive: cheap, asks no component.
components_alive() {
  local name
  for name in $COMPONENTS; do
    alive "$name" || return 1
  done
}

# standing: started completely, by this clone, and no part of it has died.
standing() {
  [[ -f $STATE/ready && $(owner) == "$CLONE" ]] || return 1
  [[ -f $STATE/kind ]] || { components_alive && api_ready >/dev/null 2>&1; }
}

healthy() {
  node_ready && workloads_ready
}

node_ready() {
  [[ $(kubectl --request-timeout 5s get nodes -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}') == True ]]
}

# inputs_hash: of everything a running cluster was made from.
inputs_hash() {
  content_hash "$CLUSTER_DIR/config" "$CLUSTER_DIR/manifests" "$CLUSTER_DIR/images" "$CLUSTER_DIR/kubernetes" "$CLUSTER_DIR/lib/settings.sh"
}
