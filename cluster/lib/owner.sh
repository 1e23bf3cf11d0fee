# One cluster per machine, started from one clone; and one script at a time works on it.
# shellcheck shell=bash

# lock: waits for another up.sh or down.sh. File 9 is closed for everything that is started.
lock() {
  exec 9>"$LOCK"
  flock -n 9 && return
  say "waiting for another cluster command to finish"
  flock -w 1800 9 || die "another cluster command still holds $LOCK"
}

owner() {
  cat "$STATE/owner" 2>/dev/null || true
}

# refuse_foreign_cluster: a living cluster of another clone is not ours to take down.
refuse_foreign_cluster() {
  local other
  other=$(owner)
  [[ -n $other && $other != "$CLONE" ]] || return 0
  [[ -n $(our_processes) || -f $STATE/kind ]] || return 0
  {
    echo "cluster: the cluster that runs on this machine belongs to another clone: $other"
    if [[ -x $other/cluster/down.sh ]]; then
      echo "Take it down with   $other/cluster/down.sh   and try again."
    else
      echo "That clone is gone; take its cluster down with   $CLUSTER_DIR/down.sh --force   and try again."
    fi
  } >&2
  exit 1
}
