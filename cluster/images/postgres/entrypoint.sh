#!/bin/sh
# Starts PostgreSQL with the official image's settings: POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB
# (each also as *_FILE), POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, PGDATA, scripts in
# /docker-entrypoint-initdb.d, and arguments for the server.
set -eu

case ${1-} in
  '' | -*) set -- postgres "$@" ;;
  postgres) ;;
  *) exec "$@" ;;
esac

# from_file NAME: the value of NAME_FILE's file, unless NAME has one.
from_file() {
  eval "value=\${$1-} file=\${$1_FILE-}"
  [ -n "$value" ] || [ -z "$file" ] || value=$(cat "$file")
  export "$1=$value"
}

# run_script FILE
# shellcheck disable=SC1090
run_script() {
  case $1 in
    *.sh) if [ -x "$1" ]; then "$1"; else . "$1"; fi ;;
    *.sql) psql -v ON_ERROR_STOP=1 --no-password -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$1" ;;
    *.sql.gz) gunzip -c "$1" | psql -v ON_ERROR_STOP=1 --no-password -U "$POSTGRES_USER" -d "$POSTGRES_DB" ;;
    *) echo "ignoring $1" ;;
  esac
}

# initialise FOLDER
initialise() (
  # A server that only this container reaches while it is being set up.
  umask 077
  echo "$POSTGRES_PASSWORD" >/tmp/password
  eval "initdb -D \"\$1\" --username=\"\$POSTGRES_USER\" --pwfile=/tmp/password ${POSTGRES_INITDB_ARGS-}"
  rm /tmp/password
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$1/pg_hba.conf"
  export PGPASSWORD="$POSTGRES_PASSWORD" PGHOST=/tmp
  pg_ctl -D "$1" -w start -o "-c listen_addresses='' -c unix_socket_directories=/tmp"
  if [ "$POSTGRES_DB" != postgres ]; then
    psql -q -U "$POSTGRES_USER" -d postgres -v ON_ERROR_STOP=1 -v name="$POSTGRES_DB" <<'END'
CREATE DATABASE :"name";
END
  fi
  for script in /docker-entrypoint-initdb.d/*; do
    [ ! -f "$script" ] || run_script "$script"
  done
  pg_ctl -D "$1" -m fast -w stop
)

from_file POSTGRES_PASSWORD
from_file POSTGRES_USER
from_file POSTGRES_DB
from_file POSTGRES_INITDB_ARGS
: "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"
export POSTGRES_USER POSTGRES_DB PGDATA

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD-}" != trust ]; then
    echo "POSTGRES_PASSWORD is needed to set up a database" >&2
    exit 1
  fi
  mkdir -p "$PGDATA"
  # Beside its final place, then renamed: a container killed half-way starts over. (If PGDATA is
  # itself a mount, it cannot be renamed to, and is filled in place.)
  if rmdir "$PGDATA" 2>/dev/null; then
    rm -rf "$PGDATA.new"
    initialise "$PGDATA.new"
    mv "$PGDATA.new" "$PGDATA"
  else
    initialise "$PGDATA"
  fi
fi
exec "$@"
