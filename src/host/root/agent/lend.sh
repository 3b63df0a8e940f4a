# shellcheck shell=sh
# Files that an image has only while a script runs: name servers, the policy for services, the script's host name. They are
# plain files, not mounts, so a script can change, replace and remove them as on a running system. Afterwards vlb takes out
# what is its own, wherever that is by then, and what the script wrote stays.
#
# Functions: lend_file, is_covered, is_listed, put_in, copy_text, is_as_shown, write_over, copy_into, return_files, return_file, take_back,
#   give_back, split_given, remove_file, put_link
# Globals: found (from paths.sh); directory, root (from enter_chroot); own, place, inode, mount, manner, entry, cover, line,
#   other, at, now

# lend_file NAME PATH whole|command|top: puts the text of the run's file lent/NAME/given, if there is one, in the place of a
# file of the image (whole), of a program (command), or before the lines of a file (top). The inode stays the same, so links
# to it and its attributes do. What return_files has to know is noted beside the text.
lend_file() {
  own=$directory/lent/$1 manner=$3
  [ -e "$own/given" ] || return 0
  in_root "$root" "${2%/*}"
  place=$found/${2##*/}
  in_root "$root" "$2"
  if is_covered /tmp /run /dev; then
    # In a tmpfs of the chroot, which ends with it: where systemd-resolved has its file, for example.
    if [ -f "$found" ] || [ ! -e "$found" ]; then mkdir -p "${found%/*}"; cat "$own/given" >"$found"; return; fi
  elif [ -L "$place" ] && [ -f "$found" ] && [ "$manner" != command ] && ! is_covered /proc /sys; then
    place=$found
  fi
  if [ -L "$place" ]; then
    # A link to a program, as to /bin/true, or to a device: the link is what is replaced.
    cp -P --preserve=timestamps,ownership "$place" "$own/link" || return 0
    despite_marks "${place%/*}/" rm -f "$place" 2>/dev/null || return 0
  fi
  if [ ! -e "$place" ] || is_listed "${place#"$root"}" "$directory/made"; then
    # It fails on a read-only file system.
    [ -e "$place" ] || despite_marks "${place%/*}/" make_point file "$place" 2>/dev/null || return 0
    : >"$own/new"
    : >"$own/original"
    [ "$manner" != top ] || echo '127.0.0.1 localhost' >>"$own/given"
  else
    [ -f "$place" ] || return 0
    cp --preserve=mode,timestamps "$place" "$own/original"
  fi
  put_in "$own/given" "$own/original" || return 0
  [ "$manner" != top ] || : >"$own/top"
  if [ "$manner" = command ] && [ ! -x "$place" ]; then : >"$own/mode"; chmod 0755 "$place"; fi
  # As paths of the image: that of the project may have line feeds.
  printf '%s\n' "${place#"$root"}" >"$own/place"
  mount=$(stat -c %m "$place")
  echo "$(stat -c %i "$place") ${mount#"$root"}" >"$own/inode"
}

# put_in GIVEN ORIGINAL: writes the text to `place`. On a read-only file system it is mounted there instead, and the status is 1.
put_in() {
  copy_text "$1" >"$own/shown"
  [ "$manner" != top ] || cat "$2" >>"$own/shown"
  ! write_over "$own/shown" "$place" || return 0
  chmod 0755 "$own/shown"
  mount --bind -o "relatime,exec,$devices" "$own/shown" "$place"
  return 1
}

# copy_text FILE: prints a text whose lines end with a newline. It starts no process.
copy_text() {
  while IFS= read -r line; do printf '%s\n' "$line"; done <"$1"
}

# is_as_shown FILE: whether a file has just what put_in wrote to it. It starts no process; a file with a NUL is compared otherwise.
is_as_shown() {
  {
    while IFS= read -r line <&5; do IFS= read -r other <&6 && [ "$line" = "$other" ] || return 1; done
    [ -z "$line" ] && ! IFS= read -r other <&6 && [ -z "$other" ]
  } 5<"$own/shown" 6<"$1"
}

# is_covered PATH…: whether `found` is at or below one of these paths of the image.
is_covered() {
  entry=$found
  for cover; do
    in_root "$root" "$cover"
    case $entry in "$found" | "$found"/*) found=$entry; return 0 ;; esac
  done
  found=$entry
  return 1
}

# is_listed LINE FILE: whether a file has this line.
is_listed() {
  [ -e "$2" ] || return 1
  while IFS= read -r line; do [ "$line" != "$1" ] || return 0; done <"$2"
  return 1
}

# write_over FILE PLACE: writes the content of FILE to the inode at PLACE, which keeps its attributes, also those that forbid
# to write it.
write_over() {
  despite_marks "$2" copy_into "$1" "$2" 2>/dev/null
}

# copy_into FILE PLACE: writes the content of a file to another one.
copy_into() {
  cat "$1" >"$2"
}

# return_files ROOT DIRECTORY: takes back what lend_file put into the image.
return_files() {
  for own in "$2"/lent/*; do [ ! -e "$own/inode" ] || return_file "$1" || return; done
  rm -rf "$2/lent"
}

# return_file ROOT: takes back the one whose notes are in `own`. If the script moved the file, it is found by its inode.
return_file() {
  IFS= read -r place <"$own/place"
  read -r inode mount <"$own/inode"
  now=''
  if in_root "$1" "$place" 2>/dev/null && [ "$found" = "$1$place" ] && [ -f "$found" ]; then
    now=$(stat -c %i "$found")
    take_back "$found" || return
  fi
  [ "$now" != "$inode" ] || return 0
  (cd "$1$mount" && find . -xdev -type f -inum "$inode") | while IFS= read -r other; do
    take_back "$1$mount/$other" || exit 1
  done
}

# take_back FILE: takes vlb's text out of a file that has it. A file that is then as the image had it gets its time back.
take_back() {
  manner=whole
  [ ! -e "$own/top" ] || manner=top
  if is_as_shown "$1"; then
    give_back "$1"
    return
  fi
  split_given "$1" || return 0
  if [ "$manner" = top ]; then cat "$own/original" >"$own/same"; else : >"$own/same"; fi
  if [ ! -s "$own/ahead" ] && [ "$(cksum <"$own/same")" = "$(cksum <"$own/rest")" ]; then
    give_back "$1"
  else
    if [ "$manner" = top ]; then cat "$own/ahead" "$own/rest"; else cat "$own/ahead" "$own/original" "$own/rest"; fi >"$own/kept"
    write_over "$own/kept" "$1"
  fi
}

# give_back FILE: makes a file what it was in the image.
give_back() {
  if [ -e "$own/new" ]; then
    despite_marks "${1%/*}/" remove_file "$1" || return
    [ ! -L "$own/link" ] || despite_marks "${1%/*}/" put_link "$1"
    return
  fi
  write_over "$own/original" "$1" || { echo "cannot write $1" >&2; return 1; }
  touch -r "$own/original" "$1"
  [ ! -e "$own/mode" ] || chmod --reference="$own/original" "$1"
}

# split_given FILE: whether vlb's text is in a file. Writes what precedes it to the file `ahead`, and what follows it to `rest`.
split_given() {
  IFS= read -r line <"$own/given"
  at=$(LC_ALL=C grep -abxF -m 1 -e "$line" "$1") || return 1
  at=${at%%:*}
  head -c "$at" "$1" >"$own/ahead"
  tail -c "+$((at + 1))" "$1" >"$own/behind"
  {
    while IFS= read -r line <&5; do IFS= read -r other <&6 && [ "$line" = "$other" ] || return 1; done
    cat <&6 >"$own/rest"
  } 5<"$own/given" 6<"$own/behind"
}

# remove_file FILE: removes a file, whatever attributes it has.
remove_file() {
  rm -f "$1" 2>/dev/null || { chattr -ia "$1"; rm -f "$1"; }
}

# put_link PLACE: puts the link back that was in this place.
put_link() {
  cp -P --preserve=timestamps,ownership "$own/link" "$1"
}
