# What every script here needs: the settings, and a way to talk.
# shellcheck shell=bash

# shellcheck source=cluster/lib/settings.sh
source "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

BEGIN=${EPOCHREALTIME/./}

# say MESSAGE: progress, with the time since the script began. Standard error, because some scripts
# answer on standard output.
say() {
  local ms=$(((${EPOCHREALTIME/./} - BEGIN) / 1000))
  printf '[%4d.%d s] %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*" >&2
}

die() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

# within SECONDS COMMAND...: tries until the command succeeds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}

# wait_for SECONDS WHAT COMMAND...
wait_for() {
  local seconds=$1 what=$2
  shift 2
  within "$seconds" "$@" || die "$what: not within $seconds s"
}

# content_hash PATH...: twelve hex digits that depend on the files' contents and names below PATH,
# not on where the clone lies.
content_hash() {
  local path
  for path in "$@"; do
    if [[ -d $path ]]; then
      (cd "$path" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
    else
      (cd "$(dirname "$path")" && sha256sum "$(basename "$path")")
    fi
  done | sha256sum | cut -c1-12
}

# render FILE: the template with @NAME@ replaced by the variable of that name.
render() {
  local text name
  text=$(<"$1")
  while [[ $text =~ @([A-Z_]+)@ ]]; do
    name=${BASH_REMATCH[1]}
    [[ -v $name ]] || die "$1: @$name@ has no value"
    text=${text//"@$name@"/${!name}}
  done
  printf '%s\n' "$text"
}

# external_host: where this machine finds the cluster's node ports.
external_host() {
  if [[ -f $STATE/kind ]]; then
    echo 127.0.0.1
  else
    echo "$NODE_IP"
  fi
}

# container_engine: does one answer? Then kind is used, else the cluster built from Go modules.
container_engine() {
  local engine
  for engine in docker podman; do
    if command -v "$engine" >/dev/null && timeout 10 "$engine" info >/dev/null 2>&1; then
      echo "$engine"
      return
    fi
  done
  return 1
}
