# shellcheck shell=sh
# The /dev and /sys of a chroot: of the host's devices they have the layer's own disks, the processors and the loopback.
#
# Functions: mount_hardware, place_of, copy_facts, copy_event, volumes_of, add_disk, confine_devices, permit_devices,
#   release_devices, mount_control, set_control
# Globals: numbers (from devices.sh); devices (from sandbox.sh); disks, volumes, stacked, homes (volumes_of, used by copy_facts); nodes;
#   control (the result of set_control); STANDARD; MAJORS; place; name, names, number, major, minor, group, line,
#   tries

# mount_hardware DIRECTORY DISK RUN: mounts them at DIRECTORY/dev and DIRECTORY/sys. It adds the links in DIRECTORY/links to
# /dev, and what DIRECTORY/udev says on each volume to udev's database in RUN. Each device is a mount of its own, so that a
# script cannot remove it.
mount_hardware() {
  cd "$1"
  volumes_of "$2" "$1"
  mkdir -p memory dev sys # a second command of the run finds them
  mount -t tmpfs -o nosuid,noexec,mode=0755,size=1M tmpfs memory
  mkdir -p memory/nodes/pts memory/nodes/shm memory/empty memory/uevent \
    memory/sys/devices/system memory/sys/devices/virtual/net/lo "$3/udev/data"
  for name in $homes; do mkdir -p "memory/sys/devices/$name"; done
  # One process for all of them; the host's nodes are the standard ones, and those of the disks.
  # shellcheck disable=SC2086 # words
  (cd /dev && cp -dR --preserve=mode null zero full random urandom tty $volumes "$1/links/." "$1/memory/nodes")
  # Not among the links that vlb made: on the host, a program that reads a project's files would wait on stdin.
  nodes="null zero full random urandom tty $volumes"
  [ ! -s "$1/stacked" ] || { cp -dR --preserve=mode /dev/mapper/control memory/nodes/mapper; nodes="$nodes mapper/control"; }
  ln -s pts/ptmx memory/nodes/ptmx
  ln -s /proc/self/fd memory/nodes/fd
  ln -s /proc/self/fd/0 memory/nodes/stdin
  ln -s /proc/self/fd/1 memory/nodes/stdout
  ln -s /proc/self/fd/2 memory/nodes/stderr
  copy_facts "$3/udev/data"
  {
    echo "memory/nodes dev none bind,nosuid,noexec,$devices"
    for name in $nodes; do echo "memory/nodes/$name dev/$name none bind"; done
    echo 'devpts dev/pts devpts newinstance,ptmxmode=0666,mode=0620,gid=5,nosuid,noexec'
    echo "tmpfs dev/shm tmpfs nosuid,$devices,mode=1777"
    echo 'sysfs sys sysfs ro,nosuid,nodev,noexec'
    for name in system virtual/net/lo $homes; do
      echo "sys/devices/$name memory/sys/devices/$name none bind"
    done
    for name in lo $volumes; do
      place_of "$name"
      echo "memory/uevent/$name memory/sys/devices/$line/uevent none bind"
    done
    echo 'memory/sys/devices sys/devices none rbind,ro'
    for name in block class dev; do echo "memory/sys/$name sys/$name none bind,ro"; done
    for name in bus firmware; do [ ! -d "/sys/$name" ] || echo "memory/empty sys/$name none bind,ro"; done
  } >fstab
  mount --all --fstab fstab # one process for all of these too
}

# place_of NAME: sets `line` to the directory of a device in /sys/devices: that of a partition is in that of its disk.
place_of() {
  line=virtual/net/lo
  for place in $homes; do
    case $1 in
      "${place##*/}") line=$place && return ;;
      "${place##*/}"p*) line=$place/$1 && return ;;
    esac
  done
}

# copy_facts DATABASE: copies what /sys says on the devices to memory/sys and memory/uevent, and what udev would say on each
# volume of the disks to DATABASE.
copy_facts() {
  set -- "$1" class/net/lo
  for name in $disks $stacked; do set -- "$@" "block/$name"; done
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

# volumes_of DISK DIRECTORY: sets `disks`, the names of the disk and of those in the file `further` of the run's directory; `volumes`, these with
# their partitions and what is opened of them, `stacked`, which are in the file of that name; and `homes`, the directories of the disks and
# of what is opened in /sys/devices.
volumes_of() {
  disks='' volumes='' homes='' stacked=''
  add_disk "${1##*/}"
  [ ! -e "$2/further" ] || while IFS= read -r name; do add_disk "$name"; done <"$2/further"
  [ ! -e "$2/stacked" ] || while IFS= read -r name; do stacked="$stacked $name" homes="$homes virtual/block/$name"; done <"$2/stacked"
  volumes=$volumes$stacked
}

# add_disk NAME: adds a disk to these lists. In a virtual machine its directory is that of a bus.
add_disk() {
  place=virtual/block/$1
  if [ ! -d "/sys/devices/$place" ]; then
    place=$(readlink -f "/sys/class/block/$1")
    place=${place#/sys/devices/}
  fi
  partitions_of "/sys/block/$1"
  disks="$disks $1" homes="$homes $place" volumes="$volumes $1"
  for number in $numbers; do volumes="$volumes ${1}p$number"; done
}

# The devices that every script can use, wherever it makes their nodes: null, zero, full, random, urandom, tty, ptmx, and the
# terminals of devpts. Other nodes can be made, and not be opened.
STANDARD='1:3 1:5 1:7 1:8 1:9 5:0 5:2 136:* 137:* 138:* 139:* 140:* 141:* 142:* 143:*'

# Block devices whose nodes can be made: the majors of disks, in admin-guide/devices.txt of the kernel and of those with dynamic
# numbers. Each is a write to the kernel, so these are not all.
MAJORS='1 2 3 7 8 9 11 22 31 43 65 66 67 68 69 70 71 93 147 179 202 240 250 251 252 253 254 259'

# confine_devices DIRECTORY DISK: puts this process, and all that it will start, into a control group that can use the standard
# devices and the layer's disk. Fails where the kernel has no such control: then no node of the image may be opened.
confine_devices() {
  set_control "$1" || return 1
  volumes_of "$2" "$1"
  group=$control/vlb-${1##*/}
  # Killed runs left theirs empty. One that another run has made and not yet entered may be removed with them: it tries again.
  # Hence the rules come after that. To `tasks`: a process that moves itself there does not wait for all others of the machine, as
  # with cgroup.procs.
  rmdir "$control"/vlb-* 2>/dev/null
  tries=0
  until { mkdir "$group"; echo 0 >"$group/tasks"; } 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 20 ] || return 1
  done
  if permit_devices "$group/devices" 2>/dev/null; then return; fi
  echo 0 >"$control/tasks"
  rmdir "$group"
  return 1
}

# permit_devices FILES: what the processes of a control group may do: read and write the standard devices and the layer's
# disk, and make nodes (m) of character devices and of disks. For a file system that the host has mounted, the kernel opens no
# device when it is mounted again, so no node of its disk can be made.
permit_devices() {
  echo a >"$1.deny" && echo 'c *:* m' >"$1.allow" || return
  for number in $STANDARD; do echo "c $number rw" >"$1.allow" || return; done
  [ -z "$stacked" ] || { IFS= read -r number </sys/class/misc/device-mapper/dev && echo "c $number rw" >"$1.allow"; } || return
  names=' '
  while read -r _ _ number _; do
    case $number,$names in 0:* | *" $number "*) ;; *) names="$names$number " ;; esac
  done </proc/self/mountinfo
  for major in $MAJORS; do
    case $names in
      *" $major:"*)
        for minor in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
          case $names in *" $major:$minor "*) ;; *) echo "b $major:$minor m" >"$1.allow" || return ;; esac
        done
        ;;
      *) echo "b $major:* m" >"$1.allow" || return ;;
    esac
  done
  for name in $volumes; do
    IFS= read -r number <"/sys/class/block/$name/dev" && echo "b $number rwm" >"$1.allow" || return
  done
}

# release_devices DIRECTORY: removes the control group of a run. Its processes have ended, or are about to.
release_devices() {
  set_control "$1" || return 0
  group=$control/vlb-${1##*/} tries=0
  until [ ! -d "$group" ] || rmdir "$group" 2>/dev/null || [ "$tries" -ge 100 ]; do
    tries=$((tries + 1))
    sleep 0.01
  done
}

# mount_control DIRECTORY: mounts the kernel's control of devices at DIRECTORY/control, for all commands of the run. It is that of
# version 1; version 2 has only programs in the kernel, and this one exists beside it.
mount_control() {
  [ ! -d "$1/control" ] || return 0
  mkdir "$1/control"
  mount -t cgroup -o nosuid,nodev,noexec,devices cgroup "$1/control" 2>/dev/null || true
}

# set_control DIRECTORY: sets `control` to this process's own group there. Fails where it is not mounted.
set_control() {
  control=''
  while IFS=: read -r _ names line; do
    case ,$names, in *,devices,*) control=$1/control${line%/} ;; esac
  done </proc/self/cgroup
  [ -n "$control" ] && [ -e "$control/tasks" ]
}
