# What is added, on request, to the cluster that is up.
# shellcheck shell=bash

# begin_addition: there is a cluster, it is ours, and no other command works on it meanwhile.
begin_addition() {
  lock
  refuse_foreign_cluster
  [[ -d $STATE ]] || die "there is no cluster: make cluster"
  export KUBECONFIG=$KUBECONFIG_ADMIN
  PATH=$STATE/bin:$PATH
}

# provide_image NAME: gives the node our look-alike of an image. kind pulls the official one itself.
provide_image() {
  local image
  [[ ! -f $STATE/kind ]] || return 0
  image=$(cached_image "$1" 9>&-)
  "$CLUSTER_DIR/load-image.sh" "$image" 9>&-
}

# deployed NAME: the Deployment is there in namespace monitoring, and all of it runs as last asked for.
deployed() {
  kubectl --request-timeout 5s rollout status "deployment/$1" --namespace monitoring --timeout 3s >/dev/null 2>&1
}
