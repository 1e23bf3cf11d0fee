# Names, places and addresses of the local cluster. Everything else reads them from here.
# shellcheck shell=bash disable=SC2034

CLUSTER_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CLONE=$(dirname "$CLUSTER_DIR")

# Root's PATH often lacks the sbin folders, where iptables and ip live.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# One cluster per machine: its state is not inside a clone, so that any clone can find what another
# one left behind, even after that clone was deleted.
if [[ $EUID -eq 0 ]]; then
  STATE=/var/lib/sensorstream-cluster
  RUN=/run/sensorstream-cluster
else # only kind works without root
  STATE=${XDG_STATE_HOME:-$HOME/.local/state}/sensorstream-cluster
  RUN=$STATE/run
fi
LOCK=/tmp/sensorstream-cluster-$EUID.lock
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/sensorstream

# Sixteen /24 networks of a range that is seldom used; the first two numbers can be changed.
NETWORK=${SENSORSTREAM_NETWORK:-10.213}
WHOLE_CIDR=$NETWORK.64.0/20
NODE_IP=$NETWORK.64.1
NODE_CIDR=$NETWORK.64.0/24
POD_CIDR=$NETWORK.68.0/22      # 1022 addresses for at most 250 pods
POD_MASK=22
SERVICE_CIDR=$NETWORK.72.0/21
SERVICE_IP=$NETWORK.72.1       # of the service `kubernetes`
LOOPBACK=127.213.64.1          # ports that only this machine may reach; its own address, so 127.0.0.1 stays free
NODE_BRIDGE=sskube0
POD_BRIDGE=sspods0
NODE_NAME=sensorstream
CGROUP=sensorstream            # pods live below /sensorstream/kubepods
KIND_CLUSTER=sensorstream

API=https://$NODE_IP:6443
CONTAINERD_SOCKET=$RUN/containerd.sock
KUBECONFIG_ADMIN=$STATE/kubeconfig/admin
AUDIT_LOG=$STATE/audit/audit.log

# Node ports, reachable from the host at EXTERNAL_HOST; pods use the service names.
KAFKA_NODE_PORT=30092
POSTGRES_NODE_PORT=30432
MINIO_NODE_PORT=30900
PROMETHEUS_NODE_PORT=30990
GRAFANA_NODE_PORT=30300
DASHBOARD_NODE_PORT=30880     # the web dashboard of the pipeline that `make demo` runs
JAEGER_NODE_PORT=30686         # its query API
OTLP_NODE_PORT=30418           # where it takes spans

# Versions of what is built from Go modules.
KUBERNETES_VERSION=v1.34.4
HELM_UNITTEST_VERSION=v1.1.2
KIND_VERSION=v0.31.0              # its Kubernetes is at most one minor version from ours
MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
JAEGER_VERSION=v1.76.0            # the last of version 1
