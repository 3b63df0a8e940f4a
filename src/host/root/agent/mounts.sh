# shellcheck shell=sh
# Mounting and unmounting the file systems of a disk. On the vlb side: src/host/system/mount.ts.
#
# Functions: prepare_chroot, mount_inside, mount_layer, mount_system, kernel_words, last_error, kernel_log, mounts_at, escaped,
#   selinux_of, trim_all, trim_volume, written_to, unmount_all, end_swapping, journal_written
# Globals: found (from paths.sh); place (the result of escaped); line, byte, image, list, written, device,
#   transactions, blocks, last, level, number, rest, errors, first, discarded

# prepare_chroot ROOT LIST: creates the mount points that every chroot needs, and adds them to LIST.
# Prints "dpkg" where services have to be kept from starting the Debian way.
prepare_chroot() {
  image=$1 list=$2
  for place in /proc /sys /dev /tmp /run /mnt; do mount_point "$image" "$place" directory "$list" || return; done
  mount_point "$image" /etc/resolv.conf file "$list" || return
  in_root "$image" /var/lib/dpkg || return 4
  if [ -d "$found" ]; then
    mount_point "$image" /usr/sbin/policy-rc.d file "$list" || return
    echo dpkg
  fi
}

# mount_inside ROOT DEVICE TARGET TYPE OPTIONS LIST INSIDE: mounts a partition at a path of the image, and adds the place to
# INSIDE.
mount_inside() {
  mount_point "$1" "$3" directory "$6" || return
  mount -t "$4" -o "$5" "$2" "$found" || return 1
  printf '%s\n' "${found#"$1"}" >>"$7"
}

# mount_layer DEVICE TYPE OPTIONS ROOT TARGET LIST INSIDE: mounts another layer's system, read-only, at a path of the image.
mount_layer() {
  mount_point "$4" "$5" directory "$6" || return
  mount_system "$1" "$found" "$2" "$3" || return
  printf '%s\n' "${found#"$4"}" >>"$7"
}

# mount_system DEVICE TARGET TYPE OPTIONS [FAST]: mounts a file system. The status is 0 if it has an operating system, 3 if
# not (it is unmounted again), else that of mount. The FAST options are added where the file system knows them: an ext4
# without a journal rejects those about journals.
mount_system() {
  { [ -n "${5-}" ] && mount -t "$3" -o "$4,$5" "$1" "$2" 2>/dev/null; } || mount -t "$3" -o "$4" "$1" "$2" || return 1
  for place in etc/os-release usr/lib/os-release etc/passwd; do
    case $place in
      usr/*) [ -L "$2/usr" ] || [ -L "$2/usr/lib" ] ;;
      *) [ -L "$2/etc" ] ;;
    esac && continue
    if [ -L "$2/$place" ] || [ -e "$2/$place" ]; then return 0; fi
  done
  umount "$2"
  return 3
}

# kernel_words DEVICE TARGET TYPE OPTIONS: tries a mount, and prints a line "LEVEL TEXT" for each message of the kernel's on
# that device since then.
kernel_words() {
  last=$(kernel_log | tail -n 1)
  kernel_name "$1"
  last=${last#*,}
  ! mount -t "$3" -o "$4" "$1" "$2" 2>/dev/null || umount "$2"
  kernel_log | while IFS=, read -r level number rest; do
    [ "$number" -gt "${last%%,*}" ] || continue
    case ${rest#*;}. in
      *'detected capacity change'*) ;;
      *"$kernel"[!0-9a-z]*) echo "$((level & 7)) ${rest#*;}" ;;
    esac
  done
}

# last_error DEVICE: prints the last message on errors in the file system of a device.
last_error() {
  kernel_name "$1"
  kernel_log | sed -n "s/^[^;]*;\\(.* error (device $kernel).*\\)/\\1/p" | tail -n 1
}

# kernel_log: prints the messages in the kernel's log: lines "PRIORITY,NUMBER,TIME,FLAGS;TEXT".
kernel_log() {
  dd if=/dev/kmsg iflag=nonblock bs=8192 status=none 2>/dev/null | grep -a '^[0-9]*,[0-9]*,'
}

# mounts_at ROOT: prints what is mounted at ROOT and below, in the order of mounting, one per line as `escaped` takes it.
mounts_at() {
  while read -r _ _ _ _ line _; do
    escaped "$line"
    case $place in "$1" | "$1"/*) printf '%s\n' "$line" ;; esac
  done </proc/self/mountinfo
}

# escaped TEXT: sets `place` to the path that TEXT is in mountinfo and in /proc/swaps, which have three octal digits for blanks,
# line feeds and backslashes. (The `%b` of printf would take a fourth digit, which is part of the path.)
escaped() {
  place=''
  while :; do
    case $1 in *\\*) ;; *) break ;; esac
    place=$place${1%%\\*}
    set -- "${1#*\\}"
    byte=$(printf "\\${1%"${1#???}"}.")
    place=$place${byte%.}
    set -- "${1#???}"
  done
  place=$place$1
}

# selinux_of ROOT: prints how an image with SELinux gets its labels: "setfiles" where it has that program, else "nothing". Nothing
# is printed for an image without SELinux, or where it is disabled.
selinux_of() {
  in_root "$1" /etc/selinux/config 2>/dev/null && [ -f "$found" ] || return 0
  ! grep -q '^[[:blank:]]*SELINUX=disabled' "$found" || return 0
  if in_root "$1" /usr/sbin/setfiles 2>/dev/null && [ -f "$found" ]; then echo setfiles; else echo nothing; fi
}

# trim_all ROOT: trims every file system mounted at ROOT and below that supports it. Blocks that a transaction freed are not
# trimmed before it is committed, so it is committed first.
trim_all() {
  mounts_at "$1" | while read -r line; do
    escaped "$line"
    sync --file-system "$place" || exit 1
    fstrim "$place" 2>/dev/null || true
  done
}

# trim_volume DEVICE TYPE OPTIONS PLACE: trims a file system that is not mounted. Prints "journal" if it has one of its own.
# A file system that cannot be mounted or trimmed stays as it is: that only costs space.
trim_volume() {
  mount -t "$2" -o "$3" "$1" "$4" 2>/dev/null || return 0
  written=$(journal_written "$1")
  fstrim "$4" 2>/dev/null || true
  umount "$4" || return 1
  [ -z "$written" ] || echo journal
}

# written_to DEVICE [ROOT]: writes what is in memory for what is mounted below ROOT, and for a disk, and prints how many sectors were written to it
# and discarded: Documentation/block/stat.rst of the kernel. In each file system one file is opened, if there is any: ext4 notes at the first
# opening of a file where it is mounted, and that is not to be counted later.
written_to() {
  [ -z "${2:-}" ] || mounts_at "$2" | while read -r line; do
    escaped "$line"
    [ "$place" != "$2" ] || continue
    first=$(find "$place" -xdev -type f -print -quit) || true
    [ ! -f "$first" ] || true <"$first" || true
    sync --file-system "$place" || exit 1
  done || return
  blockdev --flushbufs "$1" || return
  read -r _ _ _ _ _ _ written _ _ _ _ _ _ discarded _ <"/sys/block/${1##*/}/stat" || return
  echo "$((written + ${discarded:-0}))"
}

# unmount_all ROOT LIST WORTH: unmounts in reverse order, and removes the mount points that were created: each while what it is in
# is still mounted and what was mounted on it is not. Each file system is flushed before: errors of earlier writes to the
# disk are reported then or never. Prints a line "journal DEVICE" for each in whose journal at least WORTH blocks were written,
# and "errors DEVICE" for each ext4 in which the kernel found errors.
unmount_all() {
  [ -n "$(mounts_at "$1")" ] || { echo "nothing is mounted at $1" >&2; return 1; }
  end_swapping "$1"
  # A script may have remounted it read-only, as boots do; the mount points have to be removed all the same.
  [ -w "$1" ] || mount -o remount,rw "$1" || return 1
  mounts_at "$1" | sort -r | while read -r line; do
    escaped "$line"
    remove_mount_points "$1" "$2"
    sync --file-system "$place" || exit 1
    device=$(findmnt --noheadings --output SOURCE --target "$place")
    written=$(journal_written "$device")
    kernel_name "$device"
    { IFS= read -r errors <"/sys/fs/ext4/$kernel/errors_count"; } 2>/dev/null || errors=0
    umount "$place" || exit 1
    [ "$errors" = 0 ] || printf 'errors %s\n' "$device"
    [ "${written:-0}" -lt "$3" ] || printf 'journal %s\n' "$device"
  done
}

# end_swapping ROOT: ends swapping to files and partitions of the image, which scripts that set up machines sometimes enable:
# it would keep the disk busy. In /proc/swaps their paths begin at the script's own mounts, which no longer exist.
end_swapping() {
  while read -r file type _; do
    if [ "$type" = partition ]; then
      device=$(findmnt --noheadings --output SOURCE --target "$1")
      case $device in
        *[0-9]p[0-9]*) for device in "${device%p[0-9]*}"p[0-9]*; do swapoff "$device" 2>/dev/null; done ;;
      esac
    fi
    [ "$type" = file ] || continue
    escaped "$file"
    file=$place
    mounts_at "$1" | while read -r line; do
      escaped "$line"
      if in_root "$place" "$file" && [ -f "$found" ]; then swapoff "$found" 2>/dev/null; fi
    done
  done </proc/swaps
}

# journal_written DEVICE: prints how many blocks went into the journal of an ext4 file system since it was mounted, by the
# kernel's count; nothing if it has no internal journal.
journal_written() {
  transactions='' blocks=0
  kernel_name "$1"
  [ -r "/proc/fs/jbd2/$kernel-8/info" ] || return 0
  while read -r number words; do
    case $words in
      'transactions ('*) transactions=$number ;;
      'logged blocks per transaction') blocks=$number ;;
    esac
  done <"/proc/fs/jbd2/$kernel-8/info"
  echo "$((transactions * blocks))"
}
