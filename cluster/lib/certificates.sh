# Keys, certificates and kubeconfig files, made anew for every cluster.
# shellcheck shell=bash

PKI=$STATE/pki

make_certificates() {
  mkdir -p "$PKI" "$STATE/kubeconfig"
  chmod 700 "$PKI" "$STATE/kubeconfig"
  authority ca
  authority front-proxy-ca # for aggregated APIs
  openssl genrsa -out "$PKI/sa.key" 2048 2>/dev/null
  openssl rsa -in "$PKI/sa.key" -pubout -out "$PKI/sa.pub" 2>/dev/null

  certificate ca apiserver /CN=kube-apiserver \
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:$NODE_IP,IP:$SERVICE_IP"
  certificate ca apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
  certificate ca kubelet-server "/CN=$NODE_NAME" "DNS:$NODE_NAME,IP:$NODE_IP"
  certificate front-proxy-ca front-proxy-client /CN=front-proxy-client

  kubeconfig admin /O=system:masters/CN=admin
  kubeconfig kubelet "/O=system:nodes/CN=system:node:$NODE_NAME"
  kubeconfig kube-controller-manager /CN=system:kube-controller-manager
  kubeconfig kube-scheduler /CN=system:kube-scheduler
  kubeconfig kube-proxy /CN=system:kube-proxy
  kubeconfig coredns /CN=sensorstream:coredns
}

# authority NAME
authority() {
  key "$1"
  openssl req -x509 -new -key "$PKI/$1.key" -subj "/CN=sensorstream-$1" -days 3650 -out "$PKI/$1.crt"
}

# certificate AUTHORITY NAME SUBJECT [ALTERNATIVE-NAMES]
certificate() {
  local names=${4:-}
  key "$2"
  openssl req -new -key "$PKI/$2.key" -subj "$3" |
    openssl x509 -req -CA "$PKI/$1.crt" -CAkey "$PKI/$1.key" -set_serial "0x$(openssl rand -hex 8)" -days 3650 -out "$PKI/$2.crt" \
      -extfile <(echo "extendedKeyUsage=serverAuth,clientAuth${names:+$'\n'subjectAltName=$names}") 2>/dev/null
}

key() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/$1.key"
}

# kubeconfig NAME SUBJECT
kubeconfig() {
  certificate ca "$1" "$2"
  cat >"$STATE/kubeconfig/$1" <<END
apiVersion: v1
kind: Config
current-context: sensorstream
contexts: [{ name: sensorstream, context: { cluster: sensorstream, user: $1 } }]
clusters:
  - name: sensorstream
    cluster: { server: "$API", certificate-authority-data: $(base64 -w0 "$PKI/ca.crt") }
users:
  - name: $1
    user:
      client-certificate-data: $(base64 -w0 "$PKI/$1.crt")
      client-key-data: $(base64 -w0 "$PKI/$1.key")
END
}
