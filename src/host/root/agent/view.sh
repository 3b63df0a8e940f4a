# shellcheck shell=sh
# Looking at a finished disk. On the vlb side: src/host/view.
#
# Functions: list_files, on_files, copy_out, program_head, archive, print_archive, squash, copy_tree, show_at
# Globals: found (from paths.sh); names (on_files); output (on_files, archive, squash)

# list_files ROOT FILES DEVICES FORMAT: writes what is in the image to FILES, as `find -printf FORMAT` prints it, and the
# numbers of its device nodes, which find cannot print, to DEVICES. No link of the image is followed.
list_files() {
  cd "$1" || return 1
  find -P . -fprintf "$2" "$4" '(' -type b -o -type c ')' -exec stat --printf '%t:%T\0%n\0' '{}' + >"$3"
}

# on_files ROOT NAMES OUTPUT COMMAND…: writes to OUTPUT what the command prints on the files that NAMES lists, each ended by
# NUL.
on_files() {
  cd "$1" || return 1
  names=$2 output=$3
  shift 3
  xargs -0 -r "$@" <"$names" >"$output"
}

# copy_out ROOT PATH FILE: copies a file of the image, or the target of a link, to FILE, and prints the type. Links in the
# path to it are followed inside the image.
copy_out() {
  in_root "$1" "${2%/*}" || return 1
  set -- "$found/${2##*/}" "$3"
  if [ -L "$1" ]; then readlink -n "$1" >"$2" && echo link
  elif [ -f "$1" ]; then cat <"$1" >"$2" && echo file
  elif [ -d "$1" ]; then echo directory
  elif [ -e "$1" ]; then echo unknown
  else echo absent
  fi
}

# program_head ROOT PATH LENGTH: prints the first bytes of a regular file of the image in base64; nothing for anything else.
program_head() {
  in_root "$1" "$2" 2>/dev/null && [ -f "$found" ] || return 0
  read_bytes "$found" 0 "$3"
}

# archive ROOT OUTPUT ARGUMENT…: appends to OUTPUT what tar(1) with these arguments makes of the image.
archive() {
  cd "$1" || return 1
  output=$2
  shift 2
  tar --create "$@" >>"$output"
}

# print_archive ROOT ARGUMENT…: prints that, for a reader on another machine.
print_archive() {
  cd "$1" || return 1
  shift
  tar --create "$@"
}

# squash ROOT OUTPUT ARGUMENT…: writes to the new file OUTPUT what mksquashfs(1) with these arguments makes of the image. It fails where
# both an argument and the environment have a time.
squash() {
  cd "$1" || return 1
  output=$2
  shift 2
  env -u SOURCE_DATE_EPOCH mksquashfs . "$output" "$@" -noappend -exit-on-error >/dev/null
}

# copy_tree ROOT TARGET: copies the image to the new directory TARGET with all that its file systems store, and prints how many
# bytes that takes.
copy_tree() {
  cp --archive --no-target-directory -- "$1" "$2" || return 1
  set -- "$(du --summarize --block-size=1 -- "$2")" || return 1
  echo "${1%%[!0-9]*}"
}

# show_at ROOT PLACE: shows a mounted system at PLACE too, read-only.
show_at() {
  mount --rbind "$1" "$2" || return 1
  mounts_at "$2" | while read -r line; do
    escaped "$line"
    mount -o remount,bind,ro,nosuid,nodev "$place" || exit 1
  done
}
