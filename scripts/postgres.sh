#!/usr/bin/env bash
# Installs PostgreSQL's programs, which `sensorstream run` starts a database with, if there are none. Starts nothing.
set -euo pipefail
source "$(dirname "$0")/say.sh"

command -v initdb >/dev/null && exit
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && exit
source cluster/lib/packages.sh
need_packages postgresql
