# The cluster's own processes: started in the background, found again, and killed only when proven
# to be ours.
# shellcheck shell=bash

# start NAME COMMAND...: in a session of its own, so that it outlives the shell. Its log is
# $STATE/log/NAME.log; the pid file also holds the start time, because process ids are reused.
start() {
  local name=$1 pid
  shift
  mkdir -p "$STATE/log" "$RUN/pid"
  setsid nohup "$@" >"$STATE/log/$name.log" 2>&1 </dev/null 9>&- &
  pid=$!
  echo "$pid $(started_at "$pid")" >"$RUN/pid/$name"
}

# started_at PID: in clock ticks since boot; empty when there is no such process.
started_at() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
  stat=${stat##*) } # the program's name, in brackets, may contain spaces
  # shellcheck disable=SC2086
  set -- $stat
  [[ $1 == Z ]] || echo "${20}"
}

# alive NAME: does the process we started under this name still run?
alive() {
  local pid since
  read -r pid since 2>/dev/null <"$RUN/pid/$1" || return 1
  [[ -n $since && $(started_at "$pid") == "$since" ]]
}

# our_processes: ids of all processes of this cluster on this machine, with or without a pid file.
# Proof: the program is one of those we start, and its command line names our folders.
our_processes() {
  local file pid exe
  # /proc/self would be grep itself; processes that end meanwhile are no error.
  { grep -lzaE -e "($STATE|$RUN)(/|$)" /proc/[0-9]*/cmdline 2>/dev/null || true; } | while read -r file; do
    pid=${file#/proc/}
    pid=${pid%/cmdline}
    exe=$(readlink "/proc/$pid/exe") || continue
    exe=${exe% (deleted)}
    case ${exe##*/} in
      kubernetes | coredns | containerd | containerd-shim*) echo "$pid" ;;
    esac
  done
}

# pod_processes: what runs inside the cluster's containers. Proof: it is in our control group.
pod_processes() {
  { find /sys/fs/cgroup -path "*/$CGROUP/*" -name cgroup.procs -exec cat {} + 2>/dev/null || true; } | sort -u
}

# kill_all: SIGKILL, because nothing of the cluster's state is kept.
kill_all() {
  local pids attempt
  for attempt in {1..50}; do
    pids=$(our_processes && pod_processes)
    [[ -n $pids ]] || return 0
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
  die "these processes of the cluster cannot be killed: ${pids//$'\n'/ } (after $attempt attempts)"
}
