# shellcheck shell=sh
# Attaching disks: loop devices, network block devices and their daemons. On the vlb side: src/host/attach.
#
# Functions: outside, attach_loop, pin_loop, await_file, locked, await_connected, await_absent, detach_leftovers, large_sectors, own_devices,
#   add_partitions, drop_partitions, probe_disk, probe_volumes, grow_partition, partitions_of, read_bytes, discard_ranges,
#   continue_disk, hold, release, hold_still, let_go, ask_daemon, repair_volume
# Globals: numbers (the result of partitions_of); device, volume, number, entry, file, note, lock, said, tries, sys, type,
#   place, aside, seen, pipe, frozen, still (each set and used within one function)

# outside COMMAND…: executes a daemon in the outer mount namespace, whose root the first shell has open. See agent.sh.
outside() {
  exec nsenter --mount=/proc/1/fd/9 --root=/proc/1/fd/8 --wd=/proc/1/fd/8 -- "$@"
}

# attach_loop FILE NOTE OPTION…: attaches a file to a free loop device and prints the device. The device is written to
# NOTE before it is attached: if everything here is killed in the next moment, the kernel no longer knows the file's path,
# and only the note connects the device with the run.
attach_loop() {
  file=$1 note=$2 tries=0
  shift 2
  until device=$(losetup --find) && printf '%s\n' "$device" >"$note" && losetup --partscan "$@" "$device" "$file"; do
    tries=$((tries + 1))
    [ "$tries" -lt 10 ] || return 1 # no free device, or another process took it every time
  done
  printf '%s\n' "$device"
}

# pin_loop DEVICE: keeps a loop device open until the process whose id it prints is stopped, or everything here is. The
# device is detached now, which the kernel does at its last close.
pin_loop() {
  [ -b "$1" ] || return 1
  exec 9<"$1"
  sleep infinity <&9 >/dev/null 2>&1 9<&- &
  exec 9<&-
  echo $!
  losetup --detach "$1"
}

# await_file FILE PID: waits until the file has content, or the process that should write it has ended (status 1).
await_file() {
  while [ ! -s "$1" ]; do
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.002
  done
}

# locked LOCK SAID COMMAND…: executes a daemon that holds a lock while it, or what it started, runs. The file SAID gets a
# line as soon as the lock is held, and then what the command prints. The status is 75 if another process holds the lock.
locked() {
  lock=$1 said=$2
  shift 2
  exec 9>>"$lock"
  flock --nonblock 9 || exit 75
  echo locked >"$said"
  outside "$@" 2>>"$said"
}

# await_connected SYS PID SAID: waits until the network block device has a server and a size, or the server has ended
# (status 1). The kernel's values may be of a server of another process, which was faster, so this one must have printed
# that it is connected.
await_connected() {
  until [ -e "$1/pid" ] && [ "$(cat "$1/size")" != 0 ] && grep -qs ' connected ' "$3"; do
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.005
  done
}

# await_absent PATH: waits up to a minute until the kernel has removed the path.
await_absent() {
  tries=0
  while [ -e "$1" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 6000 ] || return 1
    if [ "$tries" -lt 50 ]; then sleep 0.001; else sleep 0.01; fi
  done
}

# detach_leftovers DEVICE: detaches what a script left attached, and waits for the end of its qemu-nbd, which still writes
# the rest of the qcow2 when the device is gone.
detach_leftovers() {
  while read -r source place _; do
    case $source in "$1" | "$1"p[0-9]*) echo "$source is still mounted at $place at the script's end" >&2; return 1 ;; esac
  done </proc/self/mounts
  sys=/sys/block/${1##*/} tries=0
  [ ! -e "$sys/pid" ] || { sync "$1"; qemu-nbd --disconnect "$1" >/dev/null; }
  while [ -e "$sys/pid" ] || grep -qsx qemu-nbd /proc/[0-9]*/comm; do
    tries=$((tries + 1))
    [ "$tries" -le 6000 ] || { echo "$1 is still attached a minute after the script's end" >&2; return 1; }
    sleep 0.01
  done
}

# own_devices: gives this namespace a /dev to which the kernel adds nodes. The one of a container has only those that it was
# started with. What is mounted in that one stays.
own_devices() {
  type=''
  while read -r _ place entry _; do [ "$place" != /dev ] || type=$entry; done </proc/self/mounts
  [ "$type" != devtmpfs ] || return 0
  aside=$(mktemp -d) || return 1
  mount -t devtmpfs -o nosuid,noexec devtmpfs "$aside" || { rmdir "$aside"; return 1; }
  while read -r _ place _; do
    case $place in /dev/*) [ ! -e "$aside${place#/dev}" ] || mount --bind "$place" "$aside${place#/dev}" ;; esac
  done </proc/self/mounts
  mount --move "$aside" /dev && rmdir "$aside"
}

# add_partitions DEVICE: makes the kernel's partitions of a disk those of its table, and their nodes. Not every kernel reads
# tables, and partx without a range visits only the numbers up to the count of partitions; 256 is the kernel's limit.
add_partitions() {
  partx --update --nr 1:256 "$1" || [ $? = 1 ] || return # 1: no table
  own_devices
}

# drop_partitions DEVICE: removes those partitions of a disk from the kernel that its table does not have any more, which
# partx leaves there. What was in them may now be part of another one.
drop_partitions() {
  device=$1
  # shellcheck disable=SC2046 # numbers, with blanks before them
  set -- $(partx --show --noheadings --output NR "$device" 2>/dev/null)
  partitions_of "/sys/block/${device##*/}"
  for number in $numbers; do
    case " $* " in *" $number "*) ;; *) partx --delete --nr "$number" "$device" ;; esac
  done
}

# large_sectors FILE: whether a disk has a GPT for sectors of 4096 bytes, and none for 512.
large_sectors() {
  [ "$(dd if="$1" bs=8 skip=512 count=1 status=none)" = 'EFI PART' ] &&
    [ "$(dd if="$1" bs=8 skip=64 count=1 status=none)" != 'EFI PART' ]
}

# probe_disk DEVICE: prints a line "volume DEVICE MAJOR:MINOR" for each partition, or for the disk if it has none, and then
# blkid's description of them. The probing is low-level: it uses neither blkid's cache nor udev.
probe_disk() {
  partitions_of "/sys/block/${1##*/}"
  device=$1
  shift
  for number in $numbers; do set -- "$@" "${device}p$number"; done
  [ $# -gt 0 ] || set -- "$device"
  probe_volumes "$@"
}

# probe_volumes DEVICE…: the same for these volumes.
probe_volumes() {
  for volume; do
    kernel_name "$volume"
    { IFS= read -r number <"/sys/class/block/$kernel/dev"; } 2>/dev/null || number='' # it may be gone by now
    printf 'volume %s %s\n' "$volume" "$number"
  done
  blkid --probe --output export "$@"
}

# grow_partition DEVICE NUMBER: grows a partition to the end of the disk. sfdisk also puts the backup of a GPT there. The
# kernel learns about this partition from partx.
grow_partition() {
  echo ', +' | sfdisk --quiet --no-reread --no-tell-kernel --partno "$2" "$1" >&2 && partx --update --nr "$2" "$1"
}

# partitions_of DIRECTORY: sets `numbers` to the numbers of a disk's partitions, by the names in the disk's directory in /sys.
# The entries are not read: they may be gone by then if the process behind the disk is killed.
partitions_of() {
  numbers=''
  for entry in "$1/${1##*/}p"*; do
    number=${entry#"$1/${1##*/}p"}
    case $number in '' | *[!0-9]*) ;; *) numbers="$numbers $number" ;; esac
  done
}

# read_bytes DEVICE OFFSET LENGTH: prints bytes of a device in base64.
read_bytes() {
  dd if="$1" iflag=skip_bytes,count_bytes,fullblock skip="$2" count="$3" bs=64K status=none | base64
}

# discard_ranges DEVICE (OFFSET LENGTH)…: discards byte ranges of a device. blkdiscard opens the device exclusively, and
# fails while a file system on it is mounted.
discard_ranges() {
  device=$1
  shift
  while [ $# -gt 0 ]; do
    blkdiscard --offset "$1" --length "$2" "$device" || return
    shift 2
  done
}

# continue_disk ROOT PIPE COMMAND…: sends commands to the monitor of the daemon that provides the disk with ROOT, while its file
# systems hold still.
continue_disk() {
  hold_still "$1"
  set -- "$?" "$@"
  [ "$1" != 0 ] || (shift 2; ask_daemon "$@") || set -- 1
  let_go && return "$1"
}

# hold ROOT: the first half of that for a disk which vlb itself has continue. Prints what `release` has to know, a line for each
# of its arguments. After a failure nothing is held.
hold() {
  hold_still "$1" || { let_go; return 1; }
  printf '%s\n' "$frozen" "$still"
}

# release FROZEN STILL: the second half.
release() {
  frozen=$1 still=$2
  let_go
}

# hold_still ROOT: makes the file systems at ROOT and below complete on their disk, with no write until let_go. Those that the kernel
# cannot freeze, such as vfat, are read-only until then. Read-only ones, as those of other layers, stay as they are.
hold_still() {
  seen=' ' frozen='' still=''
  while read -r _ _ number _ line options _; do
    escaped "$line"
    case $place in "$1" | "$1"/*) ;; *) continue ;; esac
    case ,$options, in *,ro,*) continue ;; esac
    # A file system may be mounted at several places.
    case $seen in *" $number "*) continue ;; esac
    seen="$seen$number "
    if fsfreeze --freeze "$place" 2>/dev/null; then
      frozen="$frozen $line"
    else
      mount -o remount,ro "$place" || return 1
      still="$still $line"
    fi
  done </proc/self/mountinfo
}

# let_go: ends what hold_still began.
let_go() (
  set -f # they are words without blanks
  status=0
  for line in $frozen; do escaped "$line"; fsfreeze --unfreeze "$place" || status=1; done
  for line in $still; do escaped "$line"; mount -o remount,rw "$place" || status=1; done
  return "$status"
)

# ask_daemon PIPE COMMAND…: sends commands to QEMU's monitor and waits until all are answered. What is not an answer, the greeting or an
# event, is skipped. The status is 1, with the answer, if one failed.
ask_daemon() {
  pipe=$1
  shift
  # Open in both directions, so that opening does not wait for the daemon, which may be gone.
  exec 7<>"$pipe.out" 8<>"$pipe.in"
  printf '%s\n' "$@" >&8
  # Each answer adds an x to what sed holds.
  line=$(timeout 60 sed -u -n -e '/^{"error"/{p;q1}' -e "/^{\"return\"/{x;s/\$/x/;/x\\{$#\\}/q;x}" <&7) || {
    echo "qemu-storage-daemon: ${line:-no answer}" >&2
    return 1
  }
}

# repair_volume DEVICE: makes an ext4 usable that was in use when its machine was killed; where it cannot be repaired, an empty one.
repair_volume() {
  e2fsck -p "$1" >/dev/null 2>&1
  [ "$?" -le 1 ] || mke2fs -q -F -t ext4 -m 0 "$1"
}
