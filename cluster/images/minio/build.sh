#!/usr/bin/env bash
# build.sh OUT.tar: an image that behaves like minio/minio in what the cluster's manifest uses, made from
# MinIO's Go module, which is newer than the last image that its makers published.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=cluster/lib/rootfs.sh
source "$here/../../lib/rootfs.sh"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
rootfs_base "$root" minio 1000
rootfs_shell "$root"
rootfs_program "$root" "$("$here/../../tools.sh" minio)/minio" /usr/bin/minio

"$here/../../image.sh" docker.io/minio/minio:RELEASE.2025-09-07T16-13-09Z "$root" "$1" \
  --entrypoint minio --user minio --env PATH=/usr/bin --port 9000/tcp
