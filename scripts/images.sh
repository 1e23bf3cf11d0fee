#!/usr/bin/env bash
# Builds the project's images, target/images/{operator,processor}.tar, and notes their names beside
# them in *.name. No base image: the program, the libraries it needs and nothing else.
set -euo pipefail
source "$(dirname "$0")/say.sh"

scripts/prerequisites.sh
scripts/ui.sh build
say "compiling the operator and the processor"
# The whole workspace, so that every dependency gets the features that the tests build it with too.
cargo build --release --workspace --bins
target=${CARGO_TARGET_DIR:-target}
mkdir -p target/images
declare -A folders=([processor]="ui/dist /usr/share/sensorstream/dashboard") # what is in an image besides the program
for name in operator processor; do
  # shellcheck disable=SC2086 # two words
  cluster/project-image.sh "$name" "$target/release/sensorstream-$name" "target/images/$name.tar" ${folders[$name]-} \
    >"target/images/$name.name"
  say "built $(<"target/images/$name.name")"
done
