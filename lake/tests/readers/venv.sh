#!/usr/bin/env bash
# venv.sh: makes sure that a Python with requirements.txt is in the cache, and prints its path.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
exec "$here/../../../scripts/venv.sh" "$here/requirements.txt"
