# Kafka and PostgreSQL in the cluster, and the secrets they are reached with.
# shellcheck shell=bash

# deploy_workloads EXTERNAL_HOST: the address under which the host reaches node ports.
deploy_workloads() {
  wait_for 30 "service account" kubectl get serviceaccount default
  # A known secret stays: the database keeps the password it was set up with.
  kubectl get secret postgres >/dev/null 2>&1 || make_secrets
  kubectl create configmap sensorstream-cluster --from-literal=externalHost="$1" --dry-run=client -o yaml |
    kubectl apply -f - >/dev/null
  kubectl apply -f "$CLUSTER_DIR/manifests/kafka.yaml" -f "$CLUSTER_DIR/manifests/postgres.yaml" >/dev/null
}

# make_secrets: through files, not arguments, which other users of the machine could read.
make_secrets() {
  local password
  password=$(openssl rand -hex 16)
  kubectl apply -f - >/dev/null <<END
apiVersion: v1
kind: Secret
metadata: { name: postgres }
stringData: { password: "$password" }
---
# What a pipeline's spec.postgres.secretKeyRef names.
apiVersion: v1
kind: Secret
metadata: { name: sensorstream-db }
stringData:
  uri: "postgres://sensorstream:$password@postgres.default.svc.cluster.local:5432/sensorstream"
END
  (umask 077 && echo "postgres://sensorstream:$password@$EXTERNAL_HOST:$POSTGRES_NODE_PORT/sensorstream" >"$STATE/database-url")
}

workloads_ready() {
  [[ $(kubectl --request-timeout 5s get pod kafka-0 postgres-0 -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}') == "True True" ]]
}
