#!/usr/bin/env bash
# load-image.sh ARCHIVE...: makes images known to the cluster's node. What is loaded already is skipped.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=cluster/lib/owner.sh
source "$CLUSTER_DIR/lib/owner.sh"

load() {
  if [[ -f $STATE/kind ]]; then
    "$("$CLUSTER_DIR/tools.sh" kind)/kind" load image-archive --name "$KIND_CLUSTER" "$1" >/dev/null
  else
    ctr -a "$CONTAINERD_SOCKET" -n k8s.io images import "$1" >/dev/null
  fi
}

[[ -d $STATE ]] || die "there is no cluster: make cluster"
[[ $(owner) == "$CLONE" ]] || die "the cluster on this machine belongs to another clone: $(owner)"
mkdir -p "$STATE/images"
for archive in "$@"; do
  # Names and the configuration's digest, which covers the contents.
  manifest=$(tar -xOf "$archive" --occurrence=1 manifest.json)
  marker=$STATE/images/$(sha256sum <<<"$manifest" | cut -c1-32)
  [[ ! -f $marker ]] || continue
  load "$archive"
  say "loaded $(jq -r '.[].RepoTags[]' <<<"$manifest")"
  touch "$marker"
done
