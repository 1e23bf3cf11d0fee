#!/usr/bin/env bash
# build.sh OUT.tar: the image that every pod's sandbox runs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
gcc -Os -static -s -o "$root/pause" "$here/pause.c"
"$here/../../image.sh" docker.io/sensorstream/pause:1 "$root" "$1" --entrypoint /pause --user 65535:65535
