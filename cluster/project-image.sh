#!/usr/bin/env bash
# project-image.sh NAME BINARY OUT.tar [FOLDER TARGET]: an image of one of the project's own programs: the binary as
# /usr/local/bin/NAME, the libraries it needs, the folder as TARGET, and nothing else; no shell. Prints the image's name,
# docker.io/sensorstream/NAME:VERSION-HASH, whose tag follows from the contents: new contents never hide
# behind an old name, and an unchanged program changes no Deployment.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=cluster/lib/rootfs.sh
source "$CLUSTER_DIR/lib/rootfs.sh"

(($# == 3 || $# == 5)) || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
name=$1 binary=$2 out=$3 folder=${4-} target=${5-}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
rootfs_base "$root"
rootfs_program "$root" "$binary" "/usr/local/bin/$name"
if [[ -n $folder ]]; then
  mkdir -p "$root$target"
  cp -r "$folder/." "$root$target/"
  chmod -R u=rwX,go=rX "$root$target"
fi

version=$(awk -F'"' '/^version = "/ && !found++ { print $2 }' "$CLONE/Cargo.toml" 2>/dev/null || true)
image=docker.io/sensorstream/$name:${version:-0.1.0}-$(content_hash "$root" "$CLUSTER_DIR/image.sh")
"$CLUSTER_DIR/image.sh" "$image" "$root" "$out" --entrypoint "/usr/local/bin/$name" --user 65532:65532
echo "$image"
