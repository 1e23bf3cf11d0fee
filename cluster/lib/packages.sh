# Debian packages, installed without any of their services being started.
# shellcheck shell=bash

# need_packages NAME...: installs those that are missing.
need_packages() {
  local missing=() package
  command -v dpkg-query >/dev/null || die "this needs Debian's packages: $*"
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  [[ $EUID -eq 0 ]] || die "please install as root: apt-get install ${missing[*]}"
  say "installing Debian packages: ${missing[*]}"
  without_services install_packages "${missing[@]}" >&2
}

install_packages() {
  local options=(-y -q --no-install-recommends -o Dpkg::Use-Pty=0)
  # The package lists may be missing or old on a fresh machine; refresh them only if it is needed.
  DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" >/dev/null 2>&1 && return
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" >/dev/null
}

# without_services COMMAND...: packages such as containerd, postgresql and prometheus start themselves when
# they are installed, and again at every boot. We only want their programs.
without_services() (
  policy=/usr/sbin/policy-rc.d
  postgres=/etc/postgresql-common/createcluster.d/sensorstream.conf
  undo() {
    [[ -z ${made_policy-} ]] || rm -f "$policy"
    [[ -z ${made_postgres-} ]] || rm -f "$postgres"
  }
  trap undo EXIT
  if [[ ! -e $policy ]]; then
    made_policy=1
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  if ! command -v pg_createcluster >/dev/null; then # no database of Debian's own either
    made_postgres=1
    mkdir -p "${postgres%/*}"
    echo 'create_main_cluster = false' >"$postgres"
  fi
  # What the machine starts already, from whatever package or by hand, it goes on to start.
  fresh=()
  for service in containerd postgresql prometheus; do
    systemctl -q is-enabled "$service" 2>/dev/null || fresh+=("$service")
  done
  "$@"
  for service in "${fresh[@]}"; do
    systemctl disable -q "$service" 2>/dev/null || true
  done
)
