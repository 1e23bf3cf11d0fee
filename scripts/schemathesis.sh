#!/usr/bin/env bash
# schemathesis.sh PIPELINE...: holds the APIs of pipelines in the namespace SENSORSTREAM_NAMESPACE against their own
# descriptions, with requests that are made up from these: whether answers are as described, whether what is wrong is
# refused, whether anything fails.
set -euo pipefail
source "$(dirname "$0")/say.sh"

venv=$(dirname "$(scripts/venv.sh scripts/schemathesis.txt)")
coproc PROXY { exec kubectl proxy --port=0; }
trap 'kill "$PROXY_PID" 2>/dev/null || true' EXIT
read -r line <&"${PROXY[0]}"
gateway=http://127.0.0.1:${line##*:}/api/v1/namespaces/$SENSORSTREAM_NAMESPACE/services
folder=$(mktemp -d)
cd "$folder"
for pipeline in "$@"; do
  say "the API of $pipeline against its description"
  # Events have no end; a test of their own reads them.
  "$venv/schemathesis" run "$gateway/$pipeline-api:http/proxy/openapi.json" \
    --url "$gateway/$pipeline-api:http/proxy" --exclude-path /events --max-examples 40 --workers 2 --no-color
done
rm -rf "$folder"
