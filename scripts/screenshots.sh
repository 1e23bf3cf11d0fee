#!/usr/bin/env bash
# screenshots.sh: takes the README's pictures of the web dashboard, of the examples at work on the local cluster.
set -euo pipefail
source "$(dirname "$0")/say.sh"

for example in environment factory; do
  scripts/demo.sh "$example"
done
scripts/ui.sh browser
say "waiting for a few minutes of readings"
sleep 180
eval "$(cluster/env.sh)"
PATH="$(scripts/node.sh):$PATH"
cd ui
SENSORSTREAM_NAMESPACE=default npx playwright test --config playwright.screenshots.config.ts
say "wrote docs/images"
