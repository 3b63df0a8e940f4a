#!/bin/sh
# The first program of a system that runs from memory: mounts the squashfs that came with the initramfs, with memory over it for
# what is changed, and starts the system's own init. Its shell and programs are busybox.

# A kernel whose init ends panics: what is wrong stays on the console, and panic=SECONDS restarts the machine.
stop() {
  echo "vlb: $1" >&2
  exit 1
}

mkdir -p /proc /sys /dev /lower /upper /root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev || stop 'the kernel has no devtmpfs'

while read -r module; do
  insmod "/modules/$module" || stop "cannot load $module"
done </modules/order

mount -t squashfs -o ro,loop /root.squashfs /lower || stop 'cannot mount the squashfs'
mount -t tmpfs -o mode=0755 tmpfs /upper || stop 'cannot mount a tmpfs'
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root ||
  stop 'cannot mount the overlay'

# The disks that it mounts do not exist here.
[ ! -f /root/etc/fstab ] || cat /fstab >/root/etc/fstab

init=/sbin/init
read -r arguments </proc/cmdline
for argument in $arguments; do
  case $argument in init=*) init=${argument#init=} ;; esac
done
for place in /proc /sys /dev; do
  mkdir -p "/root$place"
  mount -o move "$place" "/root$place"
done
exec switch_root /root "$init" "$@"
