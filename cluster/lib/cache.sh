# The cache outside of the clone: programs and images, each named by what it was made from.
# shellcheck shell=bash

# prune_cache: what nobody used for two weeks belongs to versions that are gone.
prune_cache() {
  find "$CACHE" -mindepth 1 -maxdepth 2 -mtime +14 \
    \( -path "$CACHE/images/*.tar" -o -path "$CACHE/????????????" \) -prune -exec rm -rf {} +
}
