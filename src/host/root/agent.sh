# The root side of vlb: a shell that runs the commands it is sent, one at a time, in namespaces of its own.
# It is PID 1 there. When vlb dies or lets go, standard input ends and everything below is killed with it.
#
# A request is a verb, the number of arguments, and the arguments, a line each (backslash and newline escaped).
# An answer is whatever the command prints, then a line "MARK STATUS" on standard output and "MARK" on standard error.
# Arguments are never parsed by the shell: they are data from the first byte to the last.

serve() {
  IFS= read -r mark || return
  while IFS= read -r verb && IFS= read -r count; do
    set --
    while [ "$count" -gt 0 ]; do
      IFS= read -r word
      unescape
      set -- "$@" "$word"
      count=$((count - 1))
    done
    case $verb in
      run) ("$@") </dev/null ;;
      stream) stream "$@" ;;
      start) "$@" </dev/null >/dev/null & echo $! ;;
      stop) kill -TERM "$1" 2>/dev/null; wait "$1" ;;
      pin_loop) pin_loop "$1" ;;
      write) write_file "$@" ;;
    esac
    status=$?
    printf '\n%s %s\n' "$mark" "$status"
    printf '\n%s\n' "$mark" >&2
  done
}

# unescape: takes the backslashes out of `word`.
unescape() {
  case $word in *\\*) word=$(printf '%b.' "$word"); word=${word%.} ;; esac
}

# stream COMMAND…: all that the command prints is one stream, a script's log. It is a pipe: this shell's own streams are
# sockets, and those cannot be opened as /dev/stderr, which scripts do.
stream() {
  # The word of this shell on how the command ended, "Killed", is none of its output.
  return "$({ { exec 4>&1 2>/dev/null; ("$@") </dev/null 2>&4 3>&- 4>&-; echo "$?" >&3; } | cat >&2 3>&-; } 3>&1)"
}

# attach_loop FILE NOTE OPTION…: makes a loop device of a file and prints its name. The name stands in NOTE before the device
# is attached: when all of this is killed in the next moment, the kernel knows no path of the file any more, and nothing
# else would tell whose the device was.
attach_loop() {
  file=$1 note=$2 tries=0
  shift 2
  until device=$(losetup --find) && printf '%s\n' "$device" >"$note" && losetup --partscan "$@" "$device" "$file"; do
    tries=$((tries + 1))
    [ "$tries" -lt 10 ] || return 1 # no device is left, or others were quicker each time
  done
  printf '%s\n' "$device"
}

# pin_loop DEVICE: keeps a loop device until the process that this prints is stopped, or everything here is. The device is
# told to detach at once, and does so at its last close.
pin_loop() {
  [ -b "$1" ] || return 1
  exec 9<"$1"
  sleep infinity <&9 >/dev/null 2>&1 9<&- &
  exec 9<&-
  echo $!
  losetup --detach "$1"
}

# write_file FILE CONTENT: makes a file that root alone can read, of content in base64. No command has the content as an
# argument: everybody could read it in the process list.
write_file() (
  umask 377
  printf %s "$2" | base64 -d >"$1"
)

forward() {
  while IFS= read -r line; do printf '%s\n' "$line"; done
  kill -KILL -1
}

# ---- Commands with more than one step; each is a function that `run` can call. ----

# await_file FILE PID: until the file has content, or the process that should write it has ended.
await_file() {
  while [ ! -s "$1" ]; do
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.002
  done
}

# locked LOCK SAID COMMAND…: becomes a command that holds a lock while it, or what it started, runs. The file SAID gets a
# line as soon as the lock is held, and then what the command says. The status is 75 where somebody else holds it.
locked() {
  lock=$1 said=$2
  shift 2
  exec 9>>"$lock"
  flock --nonblock 9 || exit 75
  echo locked >"$said"
  exec "$@" 2>>"$said"
}

# await_connected SYS PID SAID: until the network block device has a server and a size, or the server has ended. What the
# kernel tells may be of another's server, which was quicker: so this one must have said that it is connected.
await_connected() {
  until [ -e "$1/pid" ] && [ "$(cat "$1/size")" != 0 ] && grep -qs ' connected ' "$3"; do
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.005
  done
}

# await_absent PATH: until the kernel has taken it away; a minute at most.
await_absent() {
  tries=0
  while [ -e "$1" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 6000 ] || return 1
    if [ "$tries" -lt 50 ]; then sleep 0.001; else sleep 0.01; fi
  done
}

# in_root ROOT PATH: sets `found` to where PATH of the image really is, with its symbolic links followed inside the
# image alone. (A variable, since a subshell for each answer would cost more than all the mounts.)
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

# mount_point ROOT PATH directory|file LIST: makes sure that PATH can be mounted on, and notes in LIST what it made.
# Sets `found` as in_root does. Its status is 4 where the image has something else in that place.
mount_point() {
  in_root "$1" "$2" || return 4
  if [ -e "$found" ]; then
    case $3 in
      directory) [ -d "$found" ] || { echo "$2 in the image is not a directory" >&2; return 4; } ;;
      file) [ ! -d "$found" ] || { echo "$2 in the image is a directory" >&2; return 4; } ;;
    esac
    return 0
  fi
  # What does not exist has no links in it, so its name is its place, and its parents are made by their names.
  set -- "$1" "${found#"$1"}" "$3" "$4"
  [ -z "${2%/*}" ] || mount_point "$1" "${2%/*}" directory "$4" || return
  found=$1$2
  if [ "$3" = directory ]; then mkdir -m 0755 "$found"; else : >"$found"; fi || return 1
  printf '%s\n' "$found" >>"$4"
}

# prepare_chroot ROOT LIST: makes the mount points that every chroot has.
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

# mount_inside ROOT DEVICE TARGET TYPE LIST INSIDE: mounts a partition at a path of the image, and notes in INSIDE where.
mount_inside() {
  mount_point "$1" "$3" directory "$5" || return
  mount -t "$4" -o noatime,nodev "$2" "$found" || return 1
  printf '%s\n' "$found" >>"$6"
}

# mount_layer DEVICE TYPE OPTIONS ROOT TARGET LIST INSIDE: mounts another layer's system, read-only, at a path of the image.
mount_layer() {
  mount_point "$4" "$5" directory "$6" || return
  mount_system "$1" "$found" "$2" "$3" || return
  printf '%s\n' "$found" >>"$7"
}

# remove_mount_points ROOT LIST: takes away what mount_point made, unless the script put something there. Where the script
# put a link in the way, the place is another one now, and none of ours: it may even be one of the host.
remove_mount_points() {
  [ -e "$2" ] || return 0
  sort -r "$2" | while IFS= read -r place; do
    if ! in_root "$1" "${place#"$1"}" || [ "$found" != "$place" ]; then continue; fi
    if [ -d "$place" ]; then rmdir "$place" 2>/dev/null; elif [ ! -s "$place" ]; then rm -f "$place"; fi
  done
  return 0
}

# let_go DEVICE: detaches what a script left attached, and waits for the end of its qemu-nbd, which without the device still
# has the rest of the qcow2 to write.
let_go() {
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

# boxed NETWORK VARIABLES DIRECTORY DEVICE COMMAND…: runs a script on the host where its mounts and processes end with it.
# DEVICE is one that was lent to it, or empty.
boxed() {
  cd "$3" || return 1
  own_network "$1"
  variables=$2 device=$4
  shift 4
  note_self "${variables%/*}"
  umask 022
  # The shell in between is the box's PID 1: a script that were it would ignore signals and never reap.
  # shellcheck disable=SC2086 # a word or none
  exec unshare $network --mount --pid --ipc --fork --kill-child=KILL --mount-proc sh "$0" box "$variables" "$device" "$@"
}

# with_variables FILE COMMAND…: becomes a command that has these variables and no others, NAME=VALUE lines escaped as in a
# request. They stand in no argument list for longer than it takes `env` to read them, since everybody on the machine can
# see those, and a proxy's address may hold a password.
with_variables() {
  file=$1
  shift
  while IFS= read -r word; do
    unescape
    set -- "$word" "$@"
  done <"$file"
  # Node has raised it as far as it goes. Programs that close all the files they may have open would take minutes over that.
  # shellcheck disable=SC3045 # dash, bash and busybox have it
  ulimit -S -n 1024 2>/dev/null || true
  exec env -i "$@"
}

# note_self DIRECTORY: notes the process that a script's namespaces end with, for stop_script.
note_self() {
  read -r self _ </proc/self/stat
  echo "$self" >"$1/script.pid"
}

# stop_script DIRECTORY: kills the script that runs, with all that it started, and nothing else.
stop_script() {
  read -r pid <"$1/script.pid" && kill -KILL "$pid"
}

# own_network host|none: sets `network` to the word that unshare needs, for those inside too.
own_network() {
  case $1 in none) network=--net ;; *) network='' ;; esac
  export network
}

# raise_loopback: a network of its own begins with a loopback that is down. Without `ip` a script has to raise it.
raise_loopback() {
  [ -z "$network" ] || ip link set dev lo up 2>/dev/null || true
}

# chrooted NETWORK DIRECTORY ROOT INPUTS RESOLV POLICY SECRETS BINDS COMMAND…: the chroot that a build-layer sees; it starts
# in /mnt. DIRECTORY is the run's own, with its variables in it. BINDS is a number, and as many pairs SOURCE TARGET follow.
chrooted() {
  own_network "$1"
  shift
  note_self "$1"
  umask 022
  # shellcheck disable=SC2086 # a word or none
  exec unshare $network --mount --pid --ipc --uts --fork --kill-child=KILL sh "$0" enter "$@"
}

# enter: the other half of chrooted, inside its namespaces. Mounts made here end with them.
enter() {
  set -e
  directory=$1 root=$2 inputs=$3 resolv=$4 policy=$5 secrets=$6 binds=$7
  shift 7
  hostname localhost 2>/dev/null || echo localhost >/proc/sys/kernel/hostname
  raise_loopback
  [ ! -e "$directory/inside" ] || covered keep
  directory_for /tmp; mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$found"
  directory_for /run; mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs "$found"; mkdir -m 1777 "$found/lock"
  directory_for /proc; mount -t proc -o nosuid,nodev,noexec proc "$found"
  limit_processes "$found/sys/kernel"
  # The kernel's settings are the host's. What belongs to a namespace of its own (the host's name) has been set.
  mount --bind -o ro "$found/sys" "$found/sys"
  [ ! -e "$found/sysrq-trigger" ] || mount --bind /dev/null "$found/sysrq-trigger"
  directory_for /sys; mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$found"
  directory_for /dev; minimal_dev "$directory" "$found"
  # A terminal is of the host's devpts: by this name it is found in here.
  [ -z "${session-}" ] || { : >"$found/console"; mount --bind "$(tty)" "$found/console"; }
  [ -z "$resolv" ] || bind_file "$resolv" /etc/resolv.conf
  [ -z "$policy" ] || bind_file "$policy" /usr/sbin/policy-rc.d
  # Before what may go into it. The project may be on a file system from which nothing can be executed.
  directory_for /mnt; mount --bind -o exec,nodev "$inputs" "$found"
  [ ! -e "$directory/inside" ] || covered show
  while [ "$binds" -gt 0 ]; do
    if [ -d "$1" ]; then directory_for "$2"; mount --bind -o exec,nodev "$1" "$found"; else bind_file "$1" "$2"; fi
    shift 2
    binds=$((binds - 1))
  done
  [ -z "$secrets" ] || { directory_for /run/secrets; mount --bind -o ro "$secrets" "$found"; }
  # Process 1 ignores the signals that it does not handle, and has to reap what others leave: a shell of the image's own
  # does that for the script, where there is one. Its word on how the script ended, "Terminated", is none of the output.
  # shellcheck disable=SC2016 # it is that shell which expands it
  ! executable /bin/sh || set -- /bin/sh -c 'exec 3>&2 2>/dev/null; (exec "$@" 2>&3 3>&-); exit $?' sh "$@"
  : >"$directory/started"
  # The image's root goes over the host's, as switch_root does it: no way leads back, in /proc/1/root neither.
  cd "$root"
  mount --move . /
  # A network of its own is the script's to change.
  [ -n "$network" ] || DENIED=$DENIED,-net_admin
  # The tools are found in the old root, which is this process's still.
  # shellcheck disable=SC2086 # words or none
  with_variables "$directory/environment" ${session-} \
    setpriv --inh-caps="$DENIED" --bounding-set="$DENIED" unshare --root=. --wd=/mnt "$@"
}

# What no process in a chroot may do: reach past its namespaces, for which installing software has no use: kexec
# and reboot, modules of the kernel, hardware, clocks, sleep, the kernel's messages, its accounting and
# its audit rules, and files of the host by their numbers. Where the network is the host's, that too.
DENIED=-sys_boot,-sys_module,-sys_rawio,-sys_time,-wake_alarm,-block_suspend,-syslog,-sys_pacct
DENIED=$DENIED,-audit_control,-audit_read,-dac_read_search

# limit_processes SETTINGS: lets the chroot have so many processes and threads, and no more. A PID namespace has a limit
# of its own since Linux 6.14; the one of an older kernel is the whole machine's, and not to be touched.
limit_processes() {
  IFS=.- read -r major minor _ <"$1/osrelease"
  [ "$major" -gt 6 ] || { [ "$major" = 6 ] && [ "$minor" -ge 14 ]; } || return 0
  echo 8192 >"$1/pid_max"
}

# covered keep|show: what is mounted in the image at a place over which something else goes, below /mnt say, is kept aside
# before and shown there afterwards.
covered() {
  number=0
  while IFS= read -r place; do
    number=$((number + 1))
    aside=$directory/aside/$number
    case $1 in
      keep)
        for cover in /tmp /run /dev /mnt; do
          in_root "$root" "$cover"
          case $place in "$found" | "$found"/*) mkdir -p "$aside"; mount --bind "$place" "$aside" ;; esac
        done
        ;;
      show) [ ! -d "$aside" ] || { directory_for "${place#"$root"}"; mount --move "$aside" "$found"; } ;;
    esac
  done <"$directory/inside"
}

# executable PATH: whether the image has such a program.
executable() {
  in_root "$root" "$1" && [ -f "$found" ] && [ -x "$found" ]
}

# Every mount point was made before (prepare_chroot). One that is missing now leads through a link into /tmp or /run,
# and what is made there goes with them.
directory_for() {
  in_root "$root" "$1"
  [ -d "$found" ] || mkdir -p "$found"
}

bind_file() {
  in_root "$root" "$2"
  [ -e "$found" ] || { mkdir -p "${found%/*}"; : >"$found"; }
  mount --bind -o exec,nodev "$1" "$found"
}

# minimal_dev DIRECTORY PLACE: never the host's disks. Nodes that a script makes in there, or anywhere, cannot be opened:
# each of those that can be is mounted by itself.
minimal_dev() {
  cd "$1"
  mkdir nodes dev
  mount -t tmpfs -o nosuid,noexec,mode=0755,size=1M tmpfs nodes
  # One process for all of them; the host's are the standard ones.
  cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty nodes
  mkdir nodes/pts nodes/shm
  ln -s pts/ptmx nodes/ptmx
  ln -s /proc/self/fd nodes/fd
  ln -s /proc/self/fd/0 nodes/stdin
  ln -s /proc/self/fd/1 nodes/stdout
  ln -s /proc/self/fd/2 nodes/stderr
  mount --bind -o nosuid,noexec,nodev nodes dev
  {
    for node in null zero full random urandom tty; do echo "nodes/$node dev/$node none bind"; done
    echo 'devpts dev/pts devpts newinstance,ptmxmode=0666,mode=0620,gid=5,nosuid,noexec'
    echo 'tmpfs dev/shm tmpfs nosuid,nodev,mode=1777'
  } >fstab
  mount --all --fstab fstab # one process for all of these too
  mount --move dev "$2"
}

# mount_system DEVICE TARGET TYPE OPTIONS [FAST]: mounts and tells by its status whether an operating system is there:
# 0 there is, 3 there is none (and it is unmounted again), else mount's own failure. The FAST options go with the others
# where the file system knows them: one without a journal refuses those that are about it.
mount_system() {
  { [ -n "${5-}" ] && mount -t "$3" -o "${4%,},$5" "$1" "$2" 2>/dev/null; } ||
    mount -t "$3" -o "${4%,}" "$1" "$2" || return 1
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

# mounts_at ROOT: what is mounted at ROOT and below, in the order in which it was mounted. (Blanks and backslashes are
# octal numbers in mountinfo.)
mounts_at() {
  while read -r _ _ _ _ place _; do
    case $place in *\\*) place=$(printf '%b.' "$place"); place=${place%.} ;; esac
    case $place in "$1" | "$1"/*) printf '%s\n' "$place" ;; esac
  done </proc/self/mountinfo
}

# trim_all ROOT: every file system mounted at ROOT and below; those that cannot be trimmed are left as they are.
# Blocks that were freed in a transaction not yet committed are not trimmed, so it is committed first.
trim_all() {
  mounts_at "$1" | while IFS= read -r place; do
    sync --file-system "$place" || exit 1
    fstrim "$place" 2>/dev/null || true
  done
}

# trim_volume DEVICE TYPE OPTIONS PLACE: trims a file system that nobody has mounted. One that cannot be mounted, or not
# be trimmed, is left as it is: that costs room and nothing else.
trim_volume() {
  mount -t "$2" -o "$3" "$1" "$4" 2>/dev/null || return 0
  written=$(journal_written "$1")
  fstrim "$4" 2>/dev/null || true
  umount "$4" || return 1
  # What the script wrote is not known any more, so the journal is emptied whatever has been written since.
  [ -z "$written" ] || empty_journal "$1"
}

# unmount_all ROOT LIST: the last mounted first, and away with the mount points that were made: each while what it is in
# is still mounted, and what was mounted on it is not any more. Each is flushed before: errors of writes that went to the
# disk behind the script's back are told then, or never.
unmount_all() {
  [ -n "$(mounts_at "$1")" ] || { echo "nothing is mounted at $1" >&2; return 1; }
  end_swapping "$1"
  # A script may have made it read-only, as boots do; the mount points have to go all the same.
  [ -w "$1" ] || mount -o remount,rw "$1" || return 1
  mounts_at "$1" | sort -r | while IFS= read -r place; do
    remove_mount_points "$1" "$2"
    sync --file-system "$place" || exit 1
    device=$(findmnt --noheadings --output SOURCE --target "$place")
    written=$(journal_written "$device")
    umount "$place" || exit 1
    [ "${written:-0}" -lt "$JOURNAL_WORTH" ] || empty_journal "$device"
  done
}

# end_swapping ROOT: swap files of the image that a script told the kernel to use, as scripts that set up machines do: it
# would hold on to them. Their paths end where the script's own mounts, which are gone, began.
end_swapping() {
  while read -r file type _; do
    [ "$type" = file ] || continue
    case $file in *\\*) file=$(printf '%b.' "$file"); file=${file%.} ;; esac
    mounts_at "$1" | while IFS= read -r place; do
      if in_root "$place" "$file" && [ -f "$found" ]; then swapoff "$found" 2>/dev/null; fi
    done
  done </proc/swaps
}

# From so many blocks on, a journal is emptied: below, looking where it is costs more than it saves.
JOURNAL_WORTH=256

# journal_written DEVICE: how many blocks have gone into the journal of an ext4 file system since it was mounted, as the
# kernel counts them; nothing when it has no journal of its own.
journal_written() {
  transactions='' blocks=0
  [ -r "/proc/fs/jbd2/${1##*/}-8/info" ] || return 0
  while read -r number words; do
    case $words in
      'transactions ('*) transactions=$number ;;
      'logged blocks per transaction') blocks=$number ;;
    esac
  done <"/proc/fs/jbd2/${1##*/}-8/info"
  echo "$((transactions * blocks))"
}

# empty_journal DEVICE: takes the journal's blocks out of the disk's file. After a clean unmount nothing reads them again,
# but up to 64 MB of them would stay in every delta. The journal's first block stays: it says that the journal is empty.
# blkdiscard opens the device for itself alone, and fails where somebody still has the file system mounted.
empty_journal() {
  printf 'stats -h\nex <8>\n' | debugfs -f - "$1" 2>/dev/null | {
    size=''
    while read -r line; do
      case $line in
        'Filesystem features:'*needs_recovery*) return 0 ;;
        'Block size:'*) size=${line##* } ;;
        [0-9]*/*' - '*' - '*)
          first=${line%% - *} first=${first##* }
          start=${line#* - } start=${start% - *} start=${start##* }
          length=${line##* }
          case $length in *[!0-9]*) return 0 ;; esac
          [ "$first" != 0 ] || { start=$((start + 1)) length=$((length - 1)); }
          blkdiscard --offset "$((start * size))" --length "$((length * size))" "$1" 2>/dev/null || return 0
          ;;
      esac
    done
  }
  return 0
}

# ---- Looking at a finished disk. What is walked is what is really there: no link of the image is followed. ----

# list_files ROOT FILES DEVICES FORMAT: what is in the image goes to FILES, as `find -printf FORMAT` writes it, and the
# numbers of its device nodes, which find does not know, to DEVICES.
list_files() {
  cd "$1" || return 1
  find -P . -fprintf "$2" "$4" '(' -type b -o -type c ')' -exec stat --printf '%t:%T\0%n\0' '{}' + >"$3"
}

# on_files ROOT NAMES OUTPUT COMMAND…: the command's word on the files that NAMES lists, each ended by NUL.
on_files() {
  cd "$1" || return 1
  names=$2 output=$3
  shift 3
  xargs -0 -r "$@" <"$names" >"$output"
}

# copy_out ROOT PATH FILE: copies a file of the image, or of a link the name it leads to, and prints what it is. The links
# on the way to it are followed inside the image.
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

# show_at ROOT PLACE: lets a mounted system be seen at PLACE too, read-only.
show_at() {
  mount --rbind "$1" "$2" || return 1
  mounts_at "$2" | while IFS= read -r place; do
    mount -o remount,bind,ro,nosuid,nodev "$place" || exit 1
  done
}

# ---- A person's own command, on vlb's streams, in the namespaces of a shell as above. ----

# join PID FILE terminal|own: runs the request in FILE in the namespaces of the shell below process PID, and ends with them.
# It gets the streams that there are, or a terminal of its own, of which it can be the session leader.
join() {
  target=$(shell_below "$1") || { echo 'the namespaces of the run are gone' >&2; return 1; }
  agent=$0 file=$2
  export agent file
  case $3 in
    own) exec nsenter --target "$target" --mount --pid sh "$agent" request "$file" ;;
    terminal)
      # Whoever is process 1 behind it takes the terminal over: job control wants numbers of its own PID namespace.
      export session='setsid --ctty'
      # shellcheck disable=SC2016 # it is script's shell that expands these
      exec nsenter --target "$target" --mount --pid script -qec 'exec sh "$agent" request "$file"' /dev/null
      ;;
  esac
}

# shell_below PID: the first process below PID that is process 1 of a PID namespace. (sudo and unshare are in between.)
shell_below() {
  at=$1
  while :; do
    # Its status is no answer: there are always processes that end while it looks.
    at=$(grep -ls "^PPid:[[:space:]]*$at\$" /proc/[0-9]*/status)
    [ -n "$at" ] || return 1
    at=${at#/proc/}
    at=${at%%/*}
    case $(grep '^NSpid:' "/proc/$at/status") in *[[:space:]]1) echo "$at"; return ;; esac
  done
}

# request FILE: runs the command in FILE, an argument a line, escaped as in a request to the agent.
request() {
  file=$1
  set --
  while IFS= read -r word; do
    unescape
    set -- "$@" "$word"
  done <"$file"
  "$@"
}

role=$1
shift
case $role in
  agent)
    # `forward` kills all it can reach, so it must be in a PID namespace of its own: this shell is the first there.
    [ $$ = 1 ] || exit 1
    export LC_ALL=C
    # This shell's own word on how the others end, "Killed", is none of a script's output.
    exec 3>&2 2>/dev/null
    # When `serve` is killed alone, all of this ends as well, or `forward` would wait for vlb, and vlb for an answer.
    forward 3>&- | { (serve 2>&3 3>&-); kill -KILL -1; }
    ;;
  box)
    # The project may be on a file system from which nothing can be executed.
    if [ ! -x ./modify-disk ]; then
      here=$(pwd -P)
      mount --bind -o exec,nodev "$here" "$here" && cd "$here" || exit 1
    fi
    raise_loopback
    variables=$1 device=$2
    shift 2
    # shellcheck disable=SC2086 # words or none
    (with_variables "$variables" ${session-} "$@")
    status=$?
    [ "$status" != 0 ] || [ -z "$device" ] || let_go "$device" || status=1
    exit "$status"
    ;;
  enter) enter "$@" ;;
  join) join "$@" ;;
  request) request "$@" ;;
esac
