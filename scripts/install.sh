#!/usr/bin/env bash
# Installs the chart with the images under target/images into the local cluster, or upgrades it.
# Further arguments go to helm.
set -euo pipefail
source "$(dirname "$0")/say.sh"

eval "$(cluster/env.sh)"
cluster/load-image.sh target/images/operator.tar target/images/processor.tar
# docker.io/sensorstream/operator:TAG in the parts that the chart asks for.
tag() { sed 's/.*://' "target/images/$1.name"; }
say "installing the operator"
helm upgrade --install sensorstream charts/sensorstream \
  --namespace sensorstream-system --create-namespace \
  --set "operator.image.tag=$(tag operator)" \
  --set "processor.image.tag=$(tag processor)" \
  --wait --timeout 3m "$@" >/dev/null

# Ready pods are not yet pods that the API server reaches: its node learns of the webhook's endpoints
# a moment later.
deadline=$((SECONDS + 60))
until answer=$(kubectl apply --dry-run=server --namespace default -f examples/environment.yaml 2>&1); do
  ((SECONDS < deadline)) || die "the API server does not take a pipeline: $answer"
  sleep 0.2
done
