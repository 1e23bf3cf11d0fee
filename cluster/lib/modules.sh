# The cluster without a container engine: components built from Go modules, on this very machine.
# shellcheck shell=bash

modules_prepare() {
  local images
  [[ $EUID -eq 0 ]] || die "without a container engine the cluster needs root: sudo -E make cluster"
  need_packages containerd runc containernetworking-plugins iptables jq openssl iproute2 procps curl busybox-static postgresql-15
  # Images mostly wait for downloads, programs for the processor: side by side.
  images=$(mktemp)
  (
    set -e
    for name in pause kafka postgres; do
      cached_image "$name"
    done
  ) >"$images" 9>&- &
  local building=$!
  BIN=$("$CLUSTER_DIR/tools.sh" kubernetes 9>&-) || die "building the cluster's programs failed"
  wait "$building" || die "building the cluster's images failed"
  mapfile -t IMAGES <"$images"
  rm "$images"
}

modules_start() {
  mkdir -p "$STATE" "$RUN"
  chmod 755 "$STATE"
  echo "$CLONE" >"$STATE/owner"
  ln -s "$BIN" "$STATE/bin"
  ulimit -n "$(ulimit -Hn)" # containers inherit the limit

  check_network_free
  network_up
  make_certificates
  write_configuration
  say "network and certificates ready"

  start_etcd
  start_containerd
  "$CLUSTER_DIR/load-image.sh" "${IMAGES[@]}" 9>&- &
  local loading=$!
  start_apiserver
  start_controllers
  start_dns
  say "API server ready"
  kubectl apply -f "$CLUSTER_DIR/manifests/dns-access.yaml" >/dev/null
  wait "$loading" || die "loading images failed"
  start_node
  # The folders are world-writable because the images run as different users; their parent is not.
  mkdir -p "$STATE"/volumes/{kafka,postgres,minio}
  chmod 711 "$STATE/volumes"
  chmod 777 "$STATE"/volumes/*
  render "$CLUSTER_DIR/manifests/storage.yaml" | kubectl apply -f - >/dev/null
  EXTERNAL_HOST=$NODE_IP
  deploy_workloads "$EXTERNAL_HOST"
  wait_for 60 "node" node_ready
  say "node ready"
}
