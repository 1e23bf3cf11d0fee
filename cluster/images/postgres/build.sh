#!/usr/bin/env bash
# build.sh OUT.tar: an image that behaves like postgres:15 in what the cluster's manifest uses, made
# from Debian's packages, which put their files where the official image has them too.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=cluster/lib/rootfs.sh
source "$here/../../lib/rootfs.sh"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
rootfs_base "$root" postgres 999
rootfs_program "$root" /bin/bash /usr/bin/bash # for scripts in /docker-entrypoint-initdb.d
rootfs_shell "$root"

programs=/usr/lib/postgresql/15
mkdir -p "$root$programs"
cp -r $programs/bin $programs/lib "$root$programs/"
# Compiling queries needs 100 MB of LLVM; without its module PostgreSQL does without.
rm -rf "$root$programs"/lib/{bitcode,llvmjit*,pgxs}
mapfile -t binaries < <(find "$root$programs" -type f \( -name '*.so' -o -path '*/bin/*' \))
rootfs_libraries "$root" "${binaries[@]}"
mkdir -p "$root/usr/share/postgresql" "$root/usr/share/zoneinfo" "$root/usr/lib/locale"
cp -r /usr/share/postgresql/15 "$root/usr/share/postgresql/"
rm -rf "$root/usr/share/postgresql/15/man"
sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" "$root/usr/share/postgresql/15/postgresql.conf.sample"
cp -r /usr/share/zoneinfo "$root/usr/share/"
rm -rf "$root"/usr/share/zoneinfo/{right,posix}
cp -r /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"

mkdir -p "$root"/{docker-entrypoint-initdb.d,var/lib/postgresql/data,var/run/postgresql}
chmod 1777 "$root"/var/lib/postgresql/data "$root/var/run/postgresql"
install -D -m 755 "$here/entrypoint.sh" "$root/usr/local/bin/docker-entrypoint.sh"

"$here/../../image.sh" docker.io/library/postgres:15 "$root" "$1" \
  --entrypoint docker-entrypoint.sh --cmd postgres --user postgres \
  --env PATH=/usr/local/bin:$programs/bin:/usr/bin --env LANG=C.UTF-8 --env PGDATA=/var/lib/postgresql/data \
  --port 5432/tcp --volume /var/lib/postgresql/data
