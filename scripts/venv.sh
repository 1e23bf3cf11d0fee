#!/usr/bin/env bash
# venv.sh REQUIREMENTS: makes sure that a Python with what the file lists is in the cache, and prints its path.
set -euo pipefail
requirements=$(realpath "$1")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sensorstream

venv=$cache/$( (python3 --version; cat "$requirements") | sha256sum | cut -c1-12)
mkdir -p "$cache"
exec 8>"$cache/.venv.lock"
flock 8 # somebody else may be making it
if [[ ! -f $venv/complete ]]; then
  rm -rf "$venv"
  {
    python3 -m venv "$venv"
    # --prefer-binary: PySpark is Python only, and published as source.
    "$venv/bin/pip" install --quiet --disable-pip-version-check --prefer-binary -r "$requirements"
  } >&2 8>&-
  touch "$venv/complete"
fi
touch "$venv" # in use, see prune_cache of the cluster
echo "$venv/bin/python"
