#!/usr/bin/env bash
# image.sh NAME:TAG ROOTFS OUT.tar [--entrypoint ARG]... [--cmd ARG]... [--user USER] [--workdir DIR]
#          [--env K=V]... [--port PORT]... [--volume DIR]...
# Turns a folder into an image archive (docker-archive, for `ctr images import`, `kind load
# image-archive` and `docker load`). The same folder always gives the same bytes: no times, no owners,
# no names of this machine. Name images docker.io/...
set -euo pipefail

(($# >= 3)) || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
name=$1 root=$2 out=$3
shift 3

config='{}'
set_config() {
  config=$(jq -c --arg v "$2" "$1" <<<"$config")
}
while (($#)); do
  case $1 in
    --entrypoint) set_config '.Entrypoint += [$v]' "$2" ;;
    --cmd) set_config '.Cmd += [$v]' "$2" ;;
    --user) set_config '.User = $v' "$2" ;;
    --workdir) set_config '.WorkingDir = $v' "$2" ;;
    --env) set_config '.Env += [$v]' "$2" ;;
    --port) set_config '.ExposedPorts[$v] = {}' "$2" ;;
    --volume) set_config '.Volumes[$v] = {}' "$2" ;;
    *) echo "image.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
same_bytes=(--format=gnu --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner)

tar "${same_bytes[@]}" -C "$root" -cf "$work/layer.tar" .
layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
mkdir "$work/archive" "$work/archive/$layer"
mv "$work/layer.tar" "$work/archive/$layer/layer.tar"

case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) architecture=$(uname -m) ;;
esac
jq -cn --argjson config "$config" --arg layer "sha256:$layer" --arg architecture "$architecture" '{
  architecture: $architecture, os: "linux", created: "1970-01-01T00:00:00Z", config: $config,
  rootfs: { type: "layers", diff_ids: [$layer] },
  history: [{ created: "1970-01-01T00:00:00Z", created_by: "cluster/image.sh" }]
}' >"$work/config.json"
id=$(sha256sum "$work/config.json" | cut -d' ' -f1)
mv "$work/config.json" "$work/archive/$id.json"
jq -cn --arg name "$name" --arg id "$id" --arg layer "$layer" \
  '[{ Config: ($id + ".json"), RepoTags: [$name], Layers: [$layer + "/layer.tar"] }]' >"$work/archive/manifest.json"

mkdir -p "$(dirname "$out")"
# The manifest first: load-image.sh then need not read the rest to know what this is.
tar "${same_bytes[@]}" -C "$work/archive" -cf "$out.tmp$$" manifest.json "$id.json" "$layer"
mv "$out.tmp$$" "$out"
