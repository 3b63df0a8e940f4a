# shellcheck shell=sh
# The /dev and /sys of a chroot: of the host's devices they have the layer's own disk, the processors and the loopback.
#
# Functions: mount_hardware, copy_facts, copy_event
# Globals: numbers (from devices.sh); disk, volumes (mount_hardware, used by copy_facts); name, number, line

# mount_hardware DIRECTORY DISK RUN: mounts them at DIRECTORY/dev and DIRECTORY/sys. It adds the links in DIRECTORY/links to
# /dev, and what DIRECTORY/udev says on each volume to udev's database in RUN. A script can create device nodes anywhere, and
# cannot open them: the usable ones are each a mount.
mount_hardware() {
  cd "$1"
  disk=${2##*/}
  partitions_of "/sys/block/$disk"
  volumes=$disk
  for number in $numbers; do volumes="$volumes ${disk}p$number"; done
  mkdir -p memory dev sys # a second command of the run finds them
  mount -t tmpfs -o nosuid,noexec,mode=0755,size=1M tmpfs memory
  mkdir -p memory/nodes/pts memory/nodes/shm memory/empty memory/uevent \
    memory/sys/devices/system memory/sys/devices/virtual/net/lo "memory/sys/devices/virtual/block/$disk" "$3/udev/data"
  # One process for all of them; the host's nodes are the standard ones, and those of the disk.
  # shellcheck disable=SC2086 # words
  (cd /dev && cp -dR --preserve=mode null zero full random urandom tty $volumes "$1/links/." "$1/memory/nodes")
  # Not among the links that vlb made: on the host, a program that reads a project's files would wait on stdin.
  ln -s pts/ptmx memory/nodes/ptmx
  ln -s /proc/self/fd memory/nodes/fd
  ln -s /proc/self/fd/0 memory/nodes/stdin
  ln -s /proc/self/fd/1 memory/nodes/stdout
  ln -s /proc/self/fd/2 memory/nodes/stderr
  copy_facts "$3/udev/data"
  {
    echo 'memory/nodes dev none bind,nosuid,noexec,nodev'
    for name in null zero full random urandom tty $volumes; do echo "memory/nodes/$name dev/$name none bind"; done
    echo 'devpts dev/pts devpts newinstance,ptmxmode=0666,mode=0620,gid=5,nosuid,noexec'
    echo 'tmpfs dev/shm tmpfs nosuid,nodev,mode=1777'
    echo 'sysfs sys sysfs ro,nosuid,nodev,noexec'
    for name in system virtual/net/lo "virtual/block/$disk"; do echo "sys/devices/$name memory/sys/devices/$name none bind"; done
    for name in lo $volumes; do
      case $name in
        lo) line=net/lo ;;
        "$disk") line=block/$disk ;;
        *) line=block/$disk/$name ;;
      esac
      echo "memory/uevent/$name memory/sys/devices/virtual/$line/uevent none bind"
    done
    echo 'memory/sys/devices sys/devices none rbind,ro'
    for name in block class dev; do echo "memory/sys/$name sys/$name none bind,ro"; done
    for name in bus firmware; do [ ! -d "/sys/$name" ] || echo "memory/empty sys/$name none bind,ro"; done
  } >fstab
  mount --all --fstab fstab # one process for all of these too
}

# copy_facts DATABASE: copies what /sys says on the devices to memory/sys and memory/uevent, and what udev would say on each
# volume of the disk to DATABASE.
copy_facts() {
  set -- "$1" "block/$disk" class/net/lo
  copy_event class/net/lo
  for name in $volumes; do
    IFS= read -r number <"/sys/class/block/$name/dev"
    set -- "$@" "class/block/$name" "dev/block/$number"
    copy_event "class/block/$name"
    [ ! -e "udev/$name" ] || while IFS= read -r line; do printf '%s\n' "$line"; done <"udev/$name" >"$1/b$number"
  done
  shift
  (cd /sys && cp -P --parents "$@" "$OLDPWD/memory/sys")
}

# copy_event DEVICE: copies its file uevent to memory/uevent. `udevadm trigger` writes to these files, and fails where it
# cannot; what it writes lands in the first line, where nothing is read.
copy_event() {
  {
    printf '%256s\n' ''
    while IFS= read -r line; do printf '%s\n' "$line"; done
  } <"/sys/$1/uevent" >"memory/uevent/${1##*/}"
}
