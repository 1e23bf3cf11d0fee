# Starts the components, in order.
# shellcheck shell=bash

write_configuration() {
  local MTU FORWARD
  # shellcheck disable=SC2034 # used by render
  MTU=$(mtu)
  mkdir -p "$STATE"/{config/cni,audit,pods,volumes}
  # Without a name server, DNS still answers for the cluster itself. Pods must not get the machine's
  # search domains: each would turn every outside name into more questions.
  { grep '^nameserver' /etc/resolv.conf || true; } >"$STATE/config/resolv.conf"
  FORWARD=
  # shellcheck disable=SC2034
  [[ ! -s $STATE/config/resolv.conf ]] || FORWARD="forward . $STATE/config/resolv.conf"
  render "$CLUSTER_DIR/config/containerd.toml" >"$STATE/config/containerd.toml"
  render "$CLUSTER_DIR/config/cni.conflist" >"$STATE/config/cni/10-sensorstream.conflist"
  render "$CLUSTER_DIR/config/kubelet.yaml" >"$STATE/config/kubelet.yaml"
  render "$CLUSTER_DIR/config/kube-proxy.yaml" >"$STATE/config/kube-proxy.yaml"
  render "$CLUSTER_DIR/config/Corefile" >"$STATE/config/Corefile"
  cp "$CLUSTER_DIR/config/audit-policy.yaml" "$STATE/config/"
}

start_containerd() {
  start containerd containerd --config "$STATE/config/containerd.toml"
  wait_for 30 containerd ctr -a "$CONTAINERD_SOCKET" version
}

# Data lives only as long as the cluster, so nothing has to reach the disk before it counts.
start_etcd() {
  start etcd "$BIN/kubernetes" etcd --data-dir "$STATE/etcd" --unsafe-no-fsync --log-level error \
    --listen-client-urls "http://$LOOPBACK:2379" --advertise-client-urls "http://$LOOPBACK:2379" \
    --listen-peer-urls "http://$LOOPBACK:2380" --initial-advertise-peer-urls "http://$LOOPBACK:2380" \
    --initial-cluster "default=http://$LOOPBACK:2380"
}

start_apiserver() {
  start kube-apiserver "$BIN/kubernetes" kube-apiserver \
    --bind-address "$NODE_IP" --advertise-address "$NODE_IP" --secure-port 6443 \
    --etcd-servers "http://$LOOPBACK:2379" \
    --service-cluster-ip-range "$SERVICE_CIDR" \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --client-ca-file "$PKI/ca.crt" --tls-cert-file "$PKI/apiserver.crt" --tls-private-key-file "$PKI/apiserver.key" \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file "$PKI/sa.pub" --service-account-signing-key-file "$PKI/sa.key" \
    --kubelet-client-certificate "$PKI/apiserver-kubelet-client.crt" --kubelet-client-key "$PKI/apiserver-kubelet-client.key" \
    --kubelet-certificate-authority "$PKI/ca.crt" \
    --kubelet-preferred-address-types InternalIP \
    --requestheader-client-ca-file "$PKI/front-proxy-ca.crt" --requestheader-allowed-names front-proxy-client \
    --requestheader-extra-headers-prefix X-Remote-Extra- --requestheader-group-headers X-Remote-Group \
    --requestheader-username-headers X-Remote-User \
    --proxy-client-cert-file "$PKI/front-proxy-client.crt" --proxy-client-key-file "$PKI/front-proxy-client.key" \
    --audit-policy-file "$STATE/config/audit-policy.yaml" --audit-log-path "$AUDIT_LOG" --audit-log-maxsize 4096
  wait_for 60 "API server" api_ready
}

api_ready() {
  curl -fsS --max-time 1 --cacert "$PKI/ca.crt" "$API/readyz"
}

# No leader election: there is one of each, and leases would only be noise.
start_controllers() {
  start kube-controller-manager "$BIN/kubernetes" kube-controller-manager \
    --kubeconfig "$STATE/kubeconfig/kube-controller-manager" --bind-address "$LOOPBACK" --leader-elect=false \
    --authentication-kubeconfig "$STATE/kubeconfig/kube-controller-manager" \
    --authorization-kubeconfig "$STATE/kubeconfig/kube-controller-manager" \
    --root-ca-file "$PKI/ca.crt" --service-account-private-key-file "$PKI/sa.key" --use-service-account-credentials \
    --cluster-signing-cert-file "$PKI/ca.crt" --cluster-signing-key-file "$PKI/ca.key" \
    --allocate-node-cidrs --cluster-cidr "$POD_CIDR" --node-cidr-mask-size "$POD_MASK" \
    --service-cluster-ip-range "$SERVICE_CIDR" --kube-api-qps 100 --kube-api-burst 200
  start kube-scheduler "$BIN/kubernetes" kube-scheduler \
    --kubeconfig "$STATE/kubeconfig/kube-scheduler" --bind-address "$LOOPBACK" --leader-elect=false \
    --authentication-kubeconfig "$STATE/kubeconfig/kube-scheduler" \
    --authorization-kubeconfig "$STATE/kubeconfig/kube-scheduler" --kube-api-qps 100 --kube-api-burst 200
}

start_node() {
  make_cgroups
  start kubelet "$BIN/kubernetes" kubelet \
    --config "$STATE/config/kubelet.yaml" --kubeconfig "$STATE/kubeconfig/kubelet" \
    --root-dir "$STATE/kubelet" --hostname-override "$NODE_NAME" --node-ip "$NODE_IP"
  start kube-proxy "$BIN/kubernetes" kube-proxy \
    --config "$STATE/config/kube-proxy.yaml" --hostname-override "$NODE_NAME"
}

start_dns() {
  start coredns "$BIN/kubernetes" coredns -conf "$STATE/config/Corefile"
}

