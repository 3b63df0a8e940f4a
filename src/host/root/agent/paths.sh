# shellcheck shell=sh
# Paths inside an image, whose symbolic links must never lead to the host's files.
#
# Check, then use: in_root follows the links at one moment, and a mount, mkdir or rm follows the path later. That is safe
# only because nothing of the image runs in between: vlb prepares and cleans up before a script starts and after all its
# processes have ended, and what runs while a script does (enter_chroot) works before the script is executed. Never call
# these functions on a tree in which a process of the image is running.
#
# Functions: in_root, mount_point, make_point, remove_mount_points, despite_marks
# Globals: found (the result of in_root and mount_point); rest, at, links, part, to (in_root);
#   marked, marks, before (despite_marks)

# in_root ROOT PATH: sets `found` to the real place of PATH of the image, with its symbolic links followed inside the image
# only. Missing parts of the path are allowed.
in_root() {
  rest=$2 at='' links=0
  while [ -n "$rest" ]; do
    part=${rest%%/*}
    case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
    case $part in
      '' | .) ;;
      ..) at=${at%/*} ;;
      *)
        if [ -L "$1$at/$part" ]; then
          links=$((links + 1))
          [ "$links" -le 40 ] || { echo "too many symbolic links at $2 in the image" >&2; return 1; }
          to=$(readlink "$1$at/$part")
          case $to in /*) at='' ;; esac
          rest=$to/$rest
        else
          at=$at/$part
        fi
        ;;
    esac
  done
  found=$1$at
}

# mount_point ROOT PATH directory|file LIST: makes sure that PATH can be mounted on, and adds what it created to LIST,
# as paths of the image.
# Sets `found` as in_root does. Its status is 4 where the image has something else at that path.
mount_point() {
  in_root "$1" "$2" || return 4
  if [ -e "$found" ]; then
    case $3 in
      directory) [ -d "$found" ] || { echo "$2 in the image is not a directory" >&2; return 4; } ;;
      file) [ ! -d "$found" ] || { echo "$2 in the image is a directory" >&2; return 4; } ;;
    esac
    return 0
  fi
  # A path that does not exist has no links in it, so its parents can be created by their names.
  set -- "$1" "${found#"$1"}" "$3" "$4"
  [ -z "${2%/*}" ] || mount_point "$1" "${2%/*}" directory "$4" || return
  found=$1$2
  despite_marks "${found%/*}/" make_point "$3" "$found" || return 1
  printf '%s\n' "$2" >>"$4"
}

# make_point directory|file PLACE: creates an empty directory or file. (A failed redirection of `:` would end the shell.)
make_point() {
  if [ "$1" = directory ]; then mkdir -m 0755 "$2"; else true >"$2"; fi
}

# remove_mount_points ROOT LIST: removes what mount_point created, unless a script put something there. If a script
# replaced part of the path by a link, the path is now another place, possibly one of the host, and is skipped.
remove_mount_points() {
  [ -e "$2" ] || return 0
  sort -r "$2" | while IFS= read -r place; do
    if ! in_root "$1" "$place" || [ "$found" != "$1$place" ]; then continue; fi
    if [ -d "$found" ]; then
      despite_marks "${found%/*}/" rmdir "$found" 2>/dev/null
    elif [ ! -s "$found" ]; then
      despite_marks "${found%/*}/" rm -f "$found"
    fi
  done
  return 0
}

# despite_marks PLACE COMMAND…: runs a command that changes the file or directory PLACE. If that fails, it is done without the
# attributes of chattr(1) that forbid it, which are set again afterwards.
despite_marks() {
  marked=$1 before=''
  shift
  ! "$@" 2>/dev/null || return 0
  marks=$(lsattr -d "$marked" 2>/dev/null) || marks=''
  marks=${marks%% *}
  case $marks in *i*) before=i ;; esac
  case $marks in *a*) before=${before}a ;; esac
  [ -n "$before" ] && chattr "-$before" "$marked" || { "$@"; return; }
  set -- "$marked" "$before" "$@"
  (shift 2; "$@") && set -- "$1" "$2" 0 || set -- "$1" "$2" 1
  chattr "+$2" "$1"
  return "$3"
}
