#!/usr/bin/env bash
# tools.sh NAME...: makes sure that these programs are in the cache, building what is missing from
# its Go module, and prints the folder that holds them.
# Names: kubernetes (all components, kubectl and helm), kubectl (alone), helm (alone), helm-unittest, kind,
# minio, jaeger.
set -euo pipefail
# shellcheck source=cluster/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

SOURCE=$CLUSTER_DIR/kubernetes
VERSIONS="$KUBERNETES_VERSION $HELM_UNITTEST_VERSION $KIND_VERSION $MINIO_VERSION $JAEGER_VERSION"
# Outside of the clone, named by what the programs are made of: a fresh clone finds them there.
BIN=$CACHE/$( (content_hash "$SOURCE"; echo "$VERSIONS") | sha256sum | cut -c1-12)/bin

build() {
  local tmp minor
  tmp=$(mktemp -d "$BIN/.build.XXXXXX")
  # shellcheck disable=SC2064
  trap "rm -rf '$tmp'" EXIT # of the subshell that ensure makes
  # Other people's builds go on beside this one; and a user's own -mod or -tags must not leak in.
  export GOFLAGS=-mod=readonly GOBIN=$tmp GOWORK=off
  case $1 in
    kubernetes | kubectl | helm)
      minor=${KUBERNETES_VERSION#v1.}
      # Without these, clients would see version 0.
      local version=k8s.io/component-base/version
      local package=.
      case $1 in
        kubectl) package=./kubectl ;;
        helm) package=helm.sh/helm/v4/cmd/helm ;;
      esac
      (cd "$SOURCE" && nice go build -trimpath -buildvcs=false -o "$tmp/$1" -ldflags "-s -w
        -X $version.gitVersion=$KUBERNETES_VERSION -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}
        -X $version.gitTreeState=clean" "$package")
      ;;
    helm-unittest) build_inside "github.com/helm-unittest/helm-unittest@$HELM_UNITTEST_VERSION" ./cmd/helm-unittest "$tmp/$1" ;;
    kind) install "sigs.k8s.io/kind@$KIND_VERSION" ;;
    minio) install "github.com/minio/minio@$MINIO_VERSION" ;;
    # Collector, memory and query API in one; version 2 links a third more packages.
    jaeger) build_inside "github.com/jaegertracing/jaeger@$JAEGER_VERSION" ./cmd/all-in-one "$tmp/$1" ;;
    *) die "tools.sh knows no '$1'" ;;
  esac
  # Only whole programs appear under their final name.
  mv "$tmp/$1" "$BIN/$1"
  if [[ $1 == kubernetes ]]; then
    # One program under the names that people type.
    ln -sf kubernetes "$BIN/kubectl"
    ln -sf kubernetes "$BIN/helm"
  fi
}

install() {
  nice go install -trimpath -buildvcs=false -ldflags '-s -w' "$1"
}

# build_inside MODULE@VERSION PACKAGE OUT: for a module whose go.mod replaces another, which `go install`
# refuses: it must be the main module.
build_inside() {
  local folder
  folder=$(go mod download -json "$1" | jq -r .Dir)
  (cd "$folder" && nice go build -trimpath -buildvcs=false -o "$3" -ldflags '-s -w' "$2")
}

ensure() {
  [[ ! -x $BIN/$1 ]] || return 0
  command -v go >/dev/null || die "Go is needed to build $1: https://go.dev/dl"
  (
    exec 8>"$BIN/.$1.lock"
    flock 8 # somebody else may be building it
    [[ ! -x $BIN/$1 ]] || exit 0
    say "building $1 (the first time takes some minutes)"
    build "$1" >&2 8>&-
    say "built $1"
  )
}

mkdir -p "$BIN"
touch "${BIN%/bin}" # in use, see prune_cache
for name in "$@"; do
  ensure "$name"
done
echo "$BIN"
