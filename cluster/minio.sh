#!/usr/bin/env bash
# minio.sh: adds MinIO, an S3 server, to the cluster that is up: for pipelines with a lake. It has the
# buckets rt-stream and lake; its keys are in the Secret lake. Building it takes some minutes the first
# time, which pipelines without a lake need not wait for. Does nothing when it is there.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
for part in cache packages processes owner images additions; do
  # shellcheck source=/dev/null
  source "$CLUSTER_DIR/lib/$part.sh"
done

begin_addition

ready() {
  [[ $(kubectl --request-timeout 5s get pod minio-0 --ignore-not-found -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]
}

# Its keys, through a file, not arguments, which other users of the machine could read.
make_secret() {
  kubectl apply -f - >/dev/null <<END
# What a pipeline's spec.outputs.lake.secretRef names.
apiVersion: v1
kind: Secret
metadata: { name: lake }
stringData:
  AWS_ACCESS_KEY_ID: sensorstream
  AWS_SECRET_ACCESS_KEY: "$(openssl rand -hex 16)"
  AWS_ENDPOINT_URL: http://minio.default.svc.cluster.local:9000
END
}

ready && exit 0
provide_image minio
# A known secret stays: what is in the store was written with it.
kubectl get secret lake >/dev/null 2>&1 || make_secret
kubectl apply -f "$CLUSTER_DIR/manifests/minio.yaml" >/dev/null
say "waiting for MinIO"
wait_for 180 MinIO ready
say "MinIO is up: http://minio:9000 for pods"
