#!/usr/bin/env bash
# build.sh OUT.tar: an image that behaves like jaegertracing/all-in-one:1.76.0 in what the cluster's manifest
# uses, made from Jaeger's Go module, which has the query API but not the pages.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=cluster/lib/rootfs.sh
source "$here/../../lib/rootfs.sh"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
rootfs_base "$root" jaeger 10001
rootfs_program "$root" "$("$here/../../tools.sh" jaeger)/jaeger" /go/bin/all-in-one-linux

"$here/../../image.sh" docker.io/jaegertracing/all-in-one:1.76.0 "$root" "$1" \
  --entrypoint /go/bin/all-in-one-linux --user 10001 --port 4318/tcp --port 16686/tcp --volume /tmp
