# Images made on this machine, cached by what they are made of.
# shellcheck shell=bash

# cached_image NAME: builds cluster/images/NAME if need be, prints its archive's path.
cached_image() {
  local name=$1 source=$CLUSTER_DIR/images/$1 out packages=() programs=
  # shellcheck source=/dev/null
  [[ ! -f $source/packages ]] || mapfile -t packages <"$source/packages"
  need_packages "${packages[@]}" >&2
  # The folder's name stands for the programs' versions.
  [[ ! -f $source/programs ]] || programs=$(xargs "$CLUSTER_DIR/tools.sh" <"$source/programs")
  out=$CACHE/images/$name-$({
    content_hash "$source" "$CLUSTER_DIR/image.sh" "$CLUSTER_DIR/lib/rootfs.sh"
    dpkg-query -W "${packages[@]}"
    [[ -z $programs ]] || echo "${programs#"$CACHE"}"
  } | sha256sum | cut -c1-12).tar
  if [[ ! -f $out ]]; then
    say "building the image $name"
    "$source/build.sh" "$out" >&2
    say "built the image $name"
  fi
  touch "$out" # in use, see prune_cache
  echo "$out"
}
