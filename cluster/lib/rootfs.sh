# Root file systems for images, put together from files of this machine's Debian.
# shellcheck shell=bash

# rootfs_base FOLDER [USER UID]: what every program expects: users, name resolution, certificates,
# a place for temporary files. No shell.
rootfs_base() {
  local root=$1 user=${2:-nonroot} uid=${3:-65532} link library
  mkdir -p "$root"/{etc/ssl/certs,proc,sys,dev,tmp,usr/{bin,sbin,lib,lib64,share}}
  chmod 1777 "$root/tmp"
  for link in bin sbin lib lib64; do
    ln -s "usr/$link" "$root/$link"
  done
  cat >"$root/etc/passwd" <<END
root:x:0:0:root:/:/usr/sbin/nologin
$user:x:$uid:$uid:$user:/tmp:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/:/usr/sbin/nologin
END
  printf 'root:x:0:\n%s:x:%s:\nnogroup:x:65534:\n' "$user" "$uid" >"$root/etc/group"
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  # The C library loads these at run time, so they are in no program's list of libraries.
  for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
    library=$(ldconfig -p | awk -v name="$library" '$1 == name && !found++ { print $NF }')
    [[ -z $library ]] || rootfs_file "$root" "$library"
  done
}

# rootfs_file FOLDER FILE...: copies files to the same path, following links.
rootfs_file() {
  local root=$1 file
  shift
  for file in "$@"; do
    [[ -e $root$file ]] || {
      mkdir -p "$root${file%/*}"
      cp -L --preserve=mode "$file" "$root$file"
    }
  done
}

# rootfs_program FOLDER FILE [TARGET]: a program (or a library), with the shared libraries it needs
# and the loader. Programs of glibc that are linked statically cannot resolve names; hence this.
rootfs_program() {
  local root=$1 file=$2 target=${3:-$2}
  mkdir -p "$root${target%/*}"
  cp -L --preserve=mode "$file" "$root$target"
  rootfs_libraries "$root" "$file"
}

# rootfs_libraries FOLDER FILE...: only the libraries those files need.
rootfs_libraries() {
  local root=$1 library
  shift
  { ldd "$@" 2>/dev/null || true; } | grep -oE '/[^ ]+ \(0x' | sort -u | while read -r library _; do
    rootfs_file "$root" "$library"
  done
}

# rootfs_shell FOLDER: busybox and its commands, for images whose entry point is a script.
rootfs_shell() {
  local root=$1 name
  cp /bin/busybox "$root/usr/bin/busybox"
  for name in $(/bin/busybox --list); do
    [[ -e $root/usr/bin/$name ]] || ln -s busybox "$root/usr/bin/$name"
  done
}
