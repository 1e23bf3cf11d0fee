#!/usr/bin/env bash
# ui.sh [build|test|lint|e2e|browser]: the web dashboard under ui/: builds it into ui/dist (by default), runs its
# tests, checks its format and types, or runs the tests in a browser, of pipelines in the namespace
# SENSORSTREAM_NAMESPACE; browser only installs that. Installs what that needs; what is built from the same sources
# already is left alone.
set -euo pipefail
source "$(dirname "$0")/say.sh"
source scripts/debian.sh

PATH="$(scripts/node.sh):$PATH"
cd ui

lock=$(sha256sum package.json package-lock.json | sha256sum | cut -c1-16)
if [[ ! -f node_modules/.installed || $(<node_modules/.installed) != "$lock" ]]; then
  say "installing what the web dashboard is built with"
  npm ci --no-audit --no-fund --loglevel=error
  echo "$lock" >node_modules/.installed
fi

case ${1:-build} in
  build)
    sources=$(git ls-files --cached --others --exclude-standard -- . | sort | xargs -d '\n' sha256sum | sha256sum | cut -c1-16)
    if [[ ! -f node_modules/.built || ! -f dist/index.html || $(<node_modules/.built) != "$sources" ]]; then
      say "building the web dashboard"
      npm run --silent build
      echo "$sources" >node_modules/.built
    fi
    ;;
  test)
    say "the web dashboard's tests"
    npm run --silent test
    ;;
  lint)
    say "the web dashboard's format, lints and types"
    npm run --silent lint
    ;;
  e2e) npm run --silent e2e ;;
  browser) need_debian chromium fonts-dejavu-core ;; # without a font pages have no letters
  *) die "usage: ui.sh [build|test|lint|e2e|browser]" ;;
esac
