#!/usr/bin/env bash
# build.sh OUT.tar: an image that behaves like prom/prometheus:v2.42.0 in what the cluster's manifest uses,
# made from Debian's package of the same version. That has plainer pages, and no service discovery of
# Kubernetes: discover.go finds pods instead, for http_sd_configs at http://127.0.0.1:9099/pods.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=cluster/lib/rootfs.sh
source "$here/../../lib/rootfs.sh"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
rootfs_base "$root"
rootfs_shell "$root"
rootfs_program "$root" /usr/bin/prometheus
CGO_ENABLED=0 GOFLAGS='' GOWORK=off nice go build -trimpath -ldflags '-s -w' -o "$root/usr/bin/discover" "$here/discover.go"
install -D -m 755 "$here/start.sh" "$root/usr/local/bin/prometheus"
# Scripts and fonts of its pages are links into other packages.
mkdir -p "$root/usr/share/prometheus" "$root/etc/prometheus"
cp -rL /usr/share/prometheus/web "$root/usr/share/prometheus/"
rm -rf "$root/usr/share/prometheus/web/static/moment-timezone/data" # 200 MB, and again in the script beside it
mkdir -m 1777 "$root/prometheus"

"$here/../../image.sh" docker.io/prom/prometheus:v2.42.0 "$root" "$1" \
  --entrypoint /usr/local/bin/prometheus --cmd --config.file=/etc/prometheus/prometheus.yml --cmd --storage.tsdb.path=/prometheus \
  --user nobody --workdir /prometheus --env PATH=/usr/bin --port 9090/tcp --volume /prometheus
