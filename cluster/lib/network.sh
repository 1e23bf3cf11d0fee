# The node's own bridge and address, and the removal of every network trace.
# shellcheck shell=bash

# check_network_free: our addresses must not be somebody else's already.
check_network_free() {
  local clash
  clash=$(ip -4 -json route show table all | jq -r --arg ours "$WHOLE_CIDR" '
    def number: split(".") | map(tonumber) | .[0] * 16777216 + .[1] * 65536 + .[2] * 256 + .[3];
    def range: (split("/") + ["32"]) | (.[0] | number) as $a | pow(2; 32 - (.[1] | tonumber)) as $n | [$a - $a % $n, $a - $a % $n + $n - 1];
    ($ours | range) as $o
    | first(.[] | select(.dst != "default" and (.dst | test("^[0-9.]+(/[0-9]+)?$")))
        | (.dst | range) as $r | select($r[0] <= $o[1] and $o[0] <= $r[1]) | "\(.dst) on \(.dev // "?")") // empty')
  [[ -z $clash ]] || die "the cluster's addresses $WHOLE_CIDR clash with a route of this machine ($clash).
Choose other first two numbers, such as: export SENSORSTREAM_NETWORK=10.99"
}

network_up() {
  ip link add "$NODE_BRIDGE" type bridge
  ip addr add "$NODE_IP/${NODE_CIDR#*/}" dev "$NODE_BRIDGE"
  ip link set "$NODE_BRIDGE" up
  remember_sysctls
  modprobe -q br_netfilter overlay 2>/dev/null || true # built in on some machines
  sysctl -qw net.ipv4.ip_forward=1
  # Without this, a pod that reaches itself or a neighbour through a Service gets no answer.
  sysctl -qw net.bridge.bridge-nf-call-iptables=1
  # A firewall that drops what is forwarded (container engines set one up) would cut pods off.
  iptables -I FORWARD -i "$POD_BRIDGE" -j ACCEPT
  iptables -I FORWARD -o "$POD_BRIDGE" -j ACCEPT
  # While the endpoints of a Service change, there is a moment in which nothing translates its address. Packets
  # must not leave the machine then: whoever answers out there would be taken for the Service for as long as the
  # connection lasts.
  iptables -I FORWARD -i "$POD_BRIDGE" -d "$SERVICE_CIDR" -j REJECT
  iptables -I OUTPUT -d "$SERVICE_CIDR" -m comment --comment "$OWN_RULE" -j REJECT
}

# Marks the rule of ours that does not name the pods' bridge.
OWN_RULE="sensorstream cluster"

# mtu: of the way to the outside; a bigger one would make packets vanish.
mtu() {
  local device
  device=$(ip -json route show default | jq -r '.[0].dev // "lo"')
  device=$(<"/sys/class/net/$device/mtu")
  echo $((device > 1500 ? 1500 : device))
}

# Kernel settings that the cluster or its components change, to be put back by network_down.
SYSCTLS=(net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.ipv4.conf.all.route_localnet
  vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops)

remember_sysctls() {
  sysctl "${SYSCTLS[@]}" >"$STATE/sysctls" 2>/dev/null || true
}

network_down() {
  local link program
  for link in $(ip -json link show | jq -r --arg pods "$POD_BRIDGE" '.[] | select(.master == $pods) | .ifname') "$POD_BRIDGE" "$NODE_BRIDGE"; do
    ip link del "$link" 2>/dev/null || true
  done
  for program in iptables ip6tables; do
    remove_rules "$program"
  done
  [[ ! -s $STATE/sysctls ]] || sysctl -q -p "$STATE/sysctls" >/dev/null || true
}

# remove_rules iptables|ip6tables: the chains of kube-proxy, kubelet and CNI, with what jumps to
# them, and our own rules; every other rule stays untouched.
remove_rules() {
  local program=$1
  "$program-save" 2>/dev/null | awk -v pods="$POD_BRIDGE" -v own="$OWN_RULE" '
    /^\*/ { table = $0; next }
    /^:(KUBE|CNI)-/ { chains[table] = chains[table] substr($1, 2) "\n"; next }
    /^-A (KUBE|CNI)-/ { next }
    /^-A/ && (/ -j (KUBE|CNI)-/ || index($0, " " pods " ") || index($0, own)) { sub(/^-A/, "-D"); rules[table] = rules[table] $0 "\n"; seen[table] }
    function each(text, prefix,   parts, n, i) {
      n = split(text, parts, "\n")
      for (i = 1; i < n; i++) print prefix parts[i]
    }
    END {
      for (table in chains) seen[table]
      for (table in seen) {
        print table
        each(rules[table], "")
        each(chains[table], "-F ")
        each(chains[table], "-X ")
        print "COMMIT"
      }
    }' | "$program-restore" --noflush 2>/dev/null || true
}
