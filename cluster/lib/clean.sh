# Removes every trace of the cluster, in whatever state it was left.
# shellcheck shell=bash

clean() {
  kill_all
  unmount_all
  remove_cgroups
  network_down
  remove_shared_files
  # A mount that is still there would have its contents deleted.
  [[ -z $(our_mounts) ]] || die "still mounted: $(our_mounts)"
  rm -rf "$STATE" "$RUN"
}

our_mounts() {
  awk -v state="$STATE/" -v run="$RUN/" 'index($2, state) == 1 || index($2, run) == 1 { print $2 }' /proc/mounts | sort -r
}

unmount_all() {
  local path attempt
  for attempt in 1 2 3; do # mounts can lie on top of each other
    for path in $(our_mounts); do
      umount -l "$path" 2>/dev/null || true
    done
    [[ -n $(our_mounts) ]] || return 0
  done
  die "cannot unmount (after $attempt attempts): $(our_mounts)"
}

# remove_shared_files: some programs insist on places of their own.
remove_shared_files() {
  local socket
  # The kubelet's links to container logs.
  [[ ! -d /var/log/containers ]] || find /var/log/containers -type l -lname "$STATE/*" -delete
  # Sockets of containerd's shims that nobody listens to; another containerd's are in use.
  for socket in /run/containerd/s/*; do
    [[ ! -S $socket ]] || grep -qF " $socket" /proc/net/unix || rm -f "$socket"
  done
  # CNI notes every pod's addresses; ours by their network namespace.
  { grep -lsF "$RUN/" /var/lib/cni/results/* || true; } | xargs -r rm -f
  rm -f /var/lib/kubelet/device-plugins/kubelet.sock
  rm -f /var/lib/kubelet/device-plugins/DEPRECATION /var/lib/kubelet/device-plugins/kubelet_internal_checkpoint
  rmdir -p --ignore-fail-on-non-empty /run/containerd/s /var/lib/cni/results /var/lib/kubelet/device-plugins /var/log/containers 2>/dev/null || true
}
