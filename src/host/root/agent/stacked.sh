# shellcheck shell=sh
# Volumes inside of volumes: LUKS and LVM. On the vlb side: src/host/system/stacked.ts. Their names are those of a kernel, so they are only
# opened where no other run uses it.
#
# Functions: open_luks, open_groups, rename_groups, close_stacked, close_above, kernel_name
# Globals: kernel (the result of kernel_name); device, name, status, file, suffix, filter, entry, line, numbers (from devices.sh)

# open_luks DEVICE NAME FILE…: opens a LUKS volume as /dev/mapper/NAME with the first passphrase that fits: the first line of a file, as
# at a prompt. Removes the files. The status is 2 if none fits.
open_luks() {
  device=$1 name=$2 status=2
  shift 2
  for file; do
    [ "$status" = 2 ] || break
    cryptsetup open --type luks --allow-discards "$device" "$name" <"$file"
    status=$?
  done
  rm -f -- "$@"
  return "$status"
}

# open_groups SUFFIX DEVICE…: activates what LVM has on these devices, and nothing else that this machine has. Prints a line "DEVICE VG/LV"
# for each volume that is active. With a SUFFIX, the groups get new UUIDs and that end of their names first, on the disk.
open_groups() {
  filter='' suffix=$1
  shift
  for device; do filter="$filter\"a|^$device\$|\","; done
  set -- --config "devices{use_devicesfile=0 filter=[$filter\"r|.*|\"]} activation{udev_sync=0 udev_rules=0 monitoring=0}"
  [ -z "$suffix" ] || rename_groups "$@" >&2 || return
  lvm vgchange "$@" --quiet --quiet --activate y >&2 || return
  lvm lvs "$@" --noheadings --separator / --select 'lv_active=active' --options vg_name,lv_name,lv_dm_path | while IFS=/ read -r name file device; do
    printf '/%s %s/%s\n' "${device#/}" "${name##* }" "$file"
  done
}

# rename_groups OPTION…: gives the groups that LVM finds with these options what open_groups says, where they do not have it.
rename_groups() {
  for name in $(lvm vgs "$@" --noheadings --options vg_name); do
    case $name in *"$suffix") continue ;; esac
    # shellcheck disable=SC2046 # devices
    lvm vgimportclone "$@" --quiet --quiet --basevgname "$name$suffix" $(lvm pvs "$@" --noheadings --select "vg_name=$name" --options pv_name) || return
  done
}

# close_stacked DEVICE: closes all that was opened of a disk, also by a script. Fails where it is still in use.
close_stacked() {
  partitions_of "/sys/block/${1##*/}"
  close_above "/sys/block/${1##*/}" || return
  for entry in $numbers; do close_above "/sys/class/block/${1##*/}p$entry" || return; done
}

# close_above DIRECTORY: closes what is opened of the device with that directory in /sys, beginning at the top.
close_above() (
  for entry in "$1"/holders/dm-*; do
    [ -e "$entry" ] || continue
    close_above "/sys/block/${entry##*/}" || exit
    # A volume of LVM that is on two devices is found twice.
    { IFS= read -r name <"/sys/block/${entry##*/}/dm/name"; } 2>/dev/null || continue
    dmsetup remove --retry "$name" || exit
  done
)

# kernel_name DEVICE: sets `kernel` to the kernel's name of a device: dm-0 for one in /dev/mapper.
kernel_name() {
  kernel=${1##*/}
  case $1 in /dev/mapper/*) ;; *) return ;; esac
  for entry in /sys/block/dm-*; do
    { IFS= read -r line <"$entry/dm/name"; } 2>/dev/null || continue
    [ "$line" != "$kernel" ] || { kernel=${entry##*/}; return; }
  done
}
