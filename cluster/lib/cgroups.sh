# The control group that holds every pod of the cluster.
# shellcheck shell=bash

# cgroup_roots: version 2 has one hierarchy, version 1 one for each controller.
cgroup_roots() {
  awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts
}

make_cgroups() {
  local root controller cores
  cores=$(nproc)
  for root in $(cgroup_roots); do
    # In version 2, a controller works below a group only where it is switched on.
    if [[ -f $root/cgroup.subtree_control ]]; then
      for controller in $(<"$root/cgroup.controllers"); do
        echo "+$controller" >"$root/cgroup.subtree_control" 2>/dev/null || true
      done
    fi
    mkdir -p "$root/$CGROUP"
    # In version 1, a new cpuset takes no process before it has processors and memory nodes.
    if [[ -f $root/$CGROUP/cpuset.cpus && -f $root/cpuset.cpus ]]; then
      cat "$root/cpuset.cpus" >"$root/$CGROUP/cpuset.cpus"
      cat "$root/cpuset.mems" >"$root/$CGROUP/cpuset.mems"
    fi
    # By default all pods together weigh as much as one process outside: a compiler with several would
    # leave Kafka next to nothing.
    [[ ! -f $root/$CGROUP/cpu.shares ]] || echo $((1024 * 4 * cores)) >"$root/$CGROUP/cpu.shares"
    [[ ! -f $root/$CGROUP/cpu.weight ]] || echo $((100 * 4 * cores)) >"$root/$CGROUP/cpu.weight"
  done
}

remove_cgroups() {
  local root attempt
  for attempt in {1..20}; do
    for root in $(cgroup_roots); do
      [[ ! -d $root/$CGROUP ]] || find "$root/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    [[ -n $(cgroup_left) ]] || return 0
    sleep 0.1 # the kernel needs a moment after the last process ended
  done
  die "control groups that cannot be removed (after $attempt attempts): $(cgroup_left)"
}

cgroup_left() {
  local root
  for root in $(cgroup_roots); do
    [[ ! -d $root/$CGROUP ]] || echo "$root/$CGROUP"
  done
}
