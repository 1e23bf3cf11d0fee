#!/usr/bin/env bash
# build.sh OUT.tar: an image that behaves like apache/kafka:4.1.1 in what the cluster's manifest uses,
# made from the same jars as they are in Maven Central and a Java runtime cut from Debian's.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=cluster/lib/rootfs.sh
source "$here/../../lib/rootfs.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"
chmod 755 "$root"
rootfs_base "$root" appuser 1000
rootfs_shell "$root"

# Java: the packaged one, whatever else this machine's PATH finds first.
jlink=(/usr/lib/jvm/java-17-openjdk-*/bin/jlink)
modules=java.base,java.desktop,java.instrument,java.logging,java.management,java.management.rmi,java.naming,java.net.http
modules+=,java.security.jgss,java.security.sasl,java.sql,java.xml,jdk.crypto.ec,jdk.management
modules+=,jdk.management.agent,jdk.net,jdk.security.auth,jdk.unsupported,jdk.zipfs
mkdir -p "$root/opt/java"
"${jlink[0]}" --add-modules "$modules" --generate-cds-archive --strip-java-debug-attributes --no-header-files --no-man-pages \
  --output "$root/opt/java/openjdk"
# java.desktop is there for java.beans, not for its screens and fonts.
rm -f "$root"/opt/java/openjdk/lib/server/classes_nocoops.jsa # for heaps over 32 GB
rm -f "$root"/opt/java/openjdk/lib/lib{awt*,font*,free*,javajpeg,jsound,lcms,mlib_image,splashscreen}.so
find "$root/opt/java/openjdk" -name '*.so' -exec strip --strip-unneeded {} + 2>/dev/null || true
mapfile -t binaries < <(find "$root/opt/java/openjdk" -name '*.so' -o -path '*/bin/*' -type f)
rootfs_libraries "$root" "${binaries[@]}"
# For the native parts that jars bring along (snappy, zstd, lz4).
mapfile -t libraries < <(ldconfig -p | awk '$1 == "libstdc++.so.6" || $1 == "libgcc_s.so.1" { print $NF }')
rootfs_file "$root" "${libraries[@]}"

# Kafka
mkdir -p "$root"/opt/kafka/{bin,config,libs,logs}
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies \
  -DincludeScope=runtime -DoutputDirectory="$root/opt/kafka/libs" -Dmdep.useRepositoryLayout=false
cp "$here/log4j2.yaml" "$root/opt/kafka/config/"
install -D -m 755 "$here/run.sh" "$root/etc/kafka/docker/run"
cp "$here/log4j2.yaml" "$root/etc/kafka/docker/"
install -m 755 "$here/kafka-run-class.sh" "$root/opt/kafka/bin/"
while read -r script class; do
  printf '#!/bin/sh\nexec /opt/kafka/bin/kafka-run-class.sh %s "$@"\n' "$class" >"$root/opt/kafka/bin/$script"
  chmod 755 "$root/opt/kafka/bin/$script"
done <"$here/tools"

chmod -R a+rX "$root/opt"

# As in the official image, a broker that has run once leaves an archive of its loaded classes, which
# halves the time of every later start. Java compares the jars' times with it, so they get the time
# that image.sh will give them. The broker runs cut off from this machine's network and processes.
find "$root" -exec touch -h -d @0 {} +
# shellcheck disable=SC2016 # to be expanded there
unshare --mount --net --pid --fork bash -euc '
  ip link set lo up
  mount -t proc proc "$1/proc"
  mount --bind /dev "$1/dev"
  mount -t tmpfs tmpfs "$1/tmp"
  mount -t tmpfs tmpfs "$1/opt/kafka/config"
  exec chroot "$1" /bin/sh -s <"$2"' archive-classes "$root" "$here/archive-classes.sh"
"$here/../../image.sh" docker.io/apache/kafka:4.1.1 "$root" "$1" --entrypoint /etc/kafka/docker/run \
  --user appuser --env PATH=/opt/java/openjdk/bin:/opt/kafka/bin:/usr/bin --env JAVA_HOME=/opt/java/openjdk \
  --env LANG=C.UTF-8 --port 9092/tcp
