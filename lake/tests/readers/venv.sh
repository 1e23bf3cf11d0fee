#!/usr/bin/env bash
# venv.sh: makes sure that a Python with requirements.txt is in the cache, and prints its path.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sensorstream

venv=$cache/$( (python3 --version; cat "$here/requirements.txt") | sha256sum | cut -c1-12)
mkdir -p "$cache"
exec 8>"$cache/.readers.lock"
flock 8 # somebody else may be making it
if [[ ! -f $venv/complete ]]; then
  rm -rf "$venv"
  {
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$here/requirements.txt"
  } >&2 8>&-
  touch "$venv/complete"
fi
touch "$venv" # in use, see prune_cache of the cluster
echo "$venv/bin/python"
