#!/usr/bin/env bash
# schemathesis.sh PIPELINE...: holds the APIs of pipelines in the namespace SENSORSTREAM_NAMESPACE against their own
# descriptions, with requests that are made up from these: whether answers are as described, whether what is wrong is
# refused, whether anything fails. Asks with the token SENSORSTREAM_TOKEN, if there is one.
set -euo pipefail
source "$(dirname "$0")/say.sh"

venv=$(dirname "$(scripts/venv.sh scripts/schemathesis.txt)")
login=()
[[ -z ${SENSORSTREAM_TOKEN-} ]] || login=(--header "Authorization: Bearer $SENSORSTREAM_TOKEN")
folder=$(mktemp -d)
trap 'kill "${FORWARD_PID-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
for pipeline in "$@"; do
  # Straight to the pod: Kubernetes' proxy has answers of its own to what is wrong.
  coproc FORWARD { exec kubectl port-forward --namespace "$SENSORSTREAM_NAMESPACE" "service/$pipeline-api" :http; }
  read -r line <&"${FORWARD[0]}"
  api=http://$(grep -oE '127.0.0.1:[0-9]+' <<<"$line")
  say "the API of $pipeline against its description"
  # Events have no end; a test of their own reads them.
  (cd "$folder" && "$venv/schemathesis" run "$api/openapi.json" "${login[@]}" --exclude-path /events \
    --max-examples 40 --no-color)
  kill "$FORWARD_PID"
  wait "$FORWARD_PID" 2>/dev/null || true
done
