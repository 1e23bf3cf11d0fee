#!/usr/bin/env bash
# node.sh: makes sure that there is a Node.js new enough for the web dashboard, and prints the folder of its
# programs. Debian's is too old; with its npm a newer one is put into the cache.
set -euo pipefail
source "$(dirname "$0")/say.sh"
source scripts/debian.sh

# Vite wants 20.19, 22.12 or later.
new_enough() {
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)' 2>/dev/null
}

if command -v npm >/dev/null && new_enough node; then
  dirname "$(command -v node)"
  exit
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sensorstream/node-22
if ! new_enough "$cache/node_modules/.bin/node"; then
  command -v npm >/dev/null || need_debian nodejs npm
  say "installing a newer Node.js" >&2
  mkdir -p "$cache"
  npm install --prefix "$cache" --no-save --no-audit --no-fund --loglevel=error node@22 npm@10 >&2
fi
echo "$cache/node_modules/.bin"
