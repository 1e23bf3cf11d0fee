# The cluster with a container engine: kind.
# shellcheck shell=bash

kind_prepare() {
  BIN=$("$CLUSTER_DIR/tools.sh" kind kubectl helm 9>&-) || die "building the cluster's programs failed"
  command -v jq >/dev/null && command -v openssl >/dev/null || need_packages jq openssl
  [[ $1 != podman ]] || export KIND_EXPERIMENTAL_PROVIDER=podman
}

kind_start() {
  mkdir -p "$STATE"/{kubeconfig,audit,config}
  chmod 700 "$STATE/kubeconfig"
  echo "$CLONE" >"$STATE/owner"
  echo "${KIND_EXPERIMENTAL_PROVIDER:-docker}" >"$STATE/kind"
  ln -s "$BIN" "$STATE/bin"
  cp "$CLUSTER_DIR/config/audit-policy.yaml" "$STATE/config/"
  render "$CLUSTER_DIR/config/kind.yaml" >"$STATE/config/kind.yaml"
  "$BIN/kind" create cluster --config "$STATE/config/kind.yaml" --kubeconfig "$KUBECONFIG_ADMIN" --wait 5m 9>&- >&2
  say "node ready"
  EXTERNAL_HOST=127.0.0.1
  deploy_workloads "$EXTERNAL_HOST"
}

# kind_clean: kind knows its own traces.
kind_clean() {
  local kind
  [[ $(<"$STATE/kind") != podman ]] || export KIND_EXPERIMENTAL_PROVIDER=podman
  kind=$("$CLUSTER_DIR/tools.sh" kind 9>&-)/kind
  "$kind" delete cluster --name "$KIND_CLUSTER" --kubeconfig "$KUBECONFIG_ADMIN" >&2
  rm -rf "$STATE" "$RUN" 2>/dev/null || die "files of the node are left in $STATE: sudo rm -rf $STATE"
}
