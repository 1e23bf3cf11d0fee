#!/usr/bin/env bash
# Installs what building needs: Debian's compilers and tools, if any is missing. The cluster's own
# packages are cluster/up.sh's matter.
set -euo pipefail
source "$(dirname "$0")/say.sh"
source scripts/debian.sh

need_debian build-essential ca-certificates curl git jq perl pkg-config python3-venv
command -v cargo >/dev/null || die "Rust is needed, 1.95 or later: https://rustup.rs"
