#!/usr/bin/env bash
# Installs what building needs: Debian's compilers and tools, if any is missing. The cluster's own
# packages are cluster/up.sh's matter.
set -euo pipefail
source "$(dirname "$0")/say.sh"

needed=(build-essential ca-certificates curl git jq perl pkg-config python3-venv)
missing=()
for package in "${needed[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if ((${#missing[@]})); then
  say "installing ${missing[*]}"
  sudo=()
  ((EUID == 0)) || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
command -v cargo >/dev/null || die "Rust is needed, 1.95 or later: https://rustup.rs"
