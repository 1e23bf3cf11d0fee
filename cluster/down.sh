#!/usr/bin/env bash
# down.sh [--force] (make cluster-down): removes every trace of the cluster, in whatever state it is.
# Programs and images stay in the cache. --force: even if the cluster belongs to another clone.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
for part in processes owner network cgroups clean kind; do
  # shellcheck source=/dev/null
  source "$CLUSTER_DIR/lib/$part.sh"
done

lock
[[ ${1-} == --force ]] || refuse_foreign_cluster
[[ ! -f $STATE/kind ]] || kind_clean
if [[ $EUID -eq 0 ]]; then
  clean
fi
say "no trace of the cluster is left"
