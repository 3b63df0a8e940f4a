# shellcheck shell=sh
# The host's name resolution in the image's own /etc/resolv.conf while a script runs. The text is lent: a script may replace the
# file, as packages that manage it do, which it could not if something were mounted there. On the vlb side:
# src/host/system/chroot.ts.
#
# Functions: lend_resolv_conf, return_resolv_conf
# Globals: found (from paths.sh); file

# lend_resolv_conf ROOT LENT: writes LENT/text to the file. LENT gets what it had before (original), and a second place at which
# it can be reached (file). The status is 1 where that cannot be: the file is a link, or immutable. Then it is mounted over.
lend_resolv_conf() {
  [ ! -e "$2/file" ] || return 0 # by an earlier command of the run
  [ -e "$2/text" ] && in_root "$1" /etc && [ -d "$found" ] || return 1
  file=$found/resolv.conf
  [ ! -L "$file" ] || return 1
  if [ -e "$file" ]; then [ -f "$file" ] && cp -p "$file" "$2/original" || return 1; fi
  { true >>"$file"; } 2>/dev/null || return 1
  : >"$2/file"
  if mount --bind "$file" "$2/file"; then
    cat "$2/text" >"$file" && return 0
    return_resolv_conf "$1" "$2" # a full disk
  else
    rm "$2/file"
    [ -e "$2/original" ] || rm "$file"
  fi
  return 1
}

# return_resolv_conf ROOT LENT: gives the file back what it had, wherever a script moved it. What a script put in its place stays,
# unless that is a copy of it.
return_resolv_conf() {
  [ -e "$2/file" ] || return 0
  # A script may have remounted it read-only, as boots do.
  [ -w "$1" ] || mount -o remount,rw "$1" || return 1
  # shellcheck disable=SC3013 # dash, bash and busybox have it
  if in_root "$1" /etc && [ ! -L "$found/resolv.conf" ] && [ -f "$found/resolv.conf" ] &&
    { [ "$found/resolv.conf" -ef "$2/file" ] || cmp -s "$found/resolv.conf" "$2/text"; }; then
    if [ ! -e "$2/original" ]; then
      rm -f "$found/resolv.conf" 2>/dev/null || { chattr -ia "$found/resolv.conf" && rm -f "$found/resolv.conf"; } || return 1
    elif ! [ "$found/resolv.conf" -ef "$2/file" ]; then
      cp -p "$2/original" "$found/resolv.conf" || return 1
    fi
  fi
  file=$2/original
  [ -e "$file" ] || file=/dev/null
  cat "$file" >"$2/file" 2>/dev/null || { chattr -ia "$2/file" && cat "$file" >"$2/file"; } || return 1
  [ "$file" = /dev/null ] || touch --reference="$file" "$2/file"
  umount "$2/file" && rm "$2/file"
}
