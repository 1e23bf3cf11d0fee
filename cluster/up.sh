#!/usr/bin/env bash
# up.sh (make cluster): a real Kubernetes on this machine, with Kafka and PostgreSQL in it. With
# a container engine it is kind, without one a cluster built from Go modules. Does nothing when it is up
# and healthy; in any other case removes what is left of it and starts anew.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
for part in cache packages processes owner network certificates cgroups components images clean workloads health modules kind; do
  # shellcheck source=/dev/null
  source "$CLUSTER_DIR/lib/$part.sh"
done
umask 022

lock
refuse_foreign_cluster
export KUBECONFIG=$KUBECONFIG_ADMIN
PATH=$STATE/bin:$PATH

# A database that was just killed by a test is no reason to throw the cluster away: it comes back.
if standing && { healthy 2>/dev/null || { say "waiting for the node, Kafka and PostgreSQL to recover" && within 90 healthy; }; }; then
  say "the cluster is up"
  [[ $(<"$STATE/ready") == "$(inputs_hash)" ]] ||
    say "note: files of cluster/ have changed since it was started; for a new one: make cluster-down cluster"
  exit 0
fi

[[ ! -f $STATE/kind ]] || kind_clean
if engine=$(container_engine); then
  kind_prepare "$engine"
  kind_start
else
  modules_prepare
  [[ ! -e $STATE ]] || say "removing what is left of an earlier cluster"
  clean
  trap 'code=$?; ((code == 0)) || say "failed; logs are in $STATE/log"' EXIT
  modules_start
fi

say "waiting for Kafka and PostgreSQL"
wait_for 300 "Kafka and PostgreSQL" workloads_ready
prune_cache
inputs_hash >"$STATE/ready"
say "the cluster is up; for a shell that reaches it: eval \"\$(make -s env)\""
