# shellcheck shell=sh
# The namespaces in which scripts run: on the host (modify-disk) and in the chroot of an image (build-layer). On the vlb
# side: src/host/system/chroot.ts.
#
# Functions: run_on_host, enter_host, show_host_programs, run_in_chroot, enter_chroot, enter_beside, allow_devices, leave_chroot, with_variables, write_pid, killed_for_memory, was_without_memory, stop_script, unpin,
#   network_flag,
#   raise_loopback, limit_processes, keep_covered_mounts, show_name_servers, executable, directory_for, bind_file
# Globals: network (the result of network_flag, exported to the inner half); session (from join.sh); DENIED;
#   directory, root, disk (enter_chroot, used by the functions that it calls); devices (whether mounts have usable device
#   nodes: dev or nodev); found (from paths.sh)

# run_on_host NETWORK VARIABLES DIRECTORY DEVICE COMMAND…: runs a script on the host in namespaces with which its mounts
# and processes end. DEVICE is one that was lent to it, or ''.
run_on_host() {
  cd "$3" || return 1
  own_devices || return 1
  network_flag "$1"
  variables=$2 device=$4
  shift 4
  write_pid "${variables%/*}"
  umask 022
  # The shell in between is process 1 of the namespace: a script as process 1 would ignore signals and reap no orphans.
  # shellcheck disable=SC2086 # a word or none
  exec unshare $network --mount --pid --ipc --fork --kill-child=KILL --mount-proc sh "$0" host "$variables" "$device" "$@"
}

# enter_host VARIABLES DEVICE COMMAND…: the inner half of run_on_host, inside its namespaces.
enter_host() {
  show_host_programs || exit
  # The project may be on a file system mounted noexec.
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
  [ "$status" != 0 ] || [ -z "$device" ] || detach_leftovers "$device" || status=1
  exit "$status"
}

# show_host_programs: in a guest of the vm backend, the tools of the agent are all that is in /usr until then.
show_host_programs() {
  [ ! -d /agent/host/usr/bin ] || { mount --bind /agent/host/usr /usr && mount --bind /agent/host/etc /etc; }
}

# run_in_chroot NETWORK DIRECTORY ROOT DISK HOSTNAME INPUTS SECRETS SIDE BINDS COMMAND…: runs a build-layer in the chroot of
# an image, in /mnt. DIRECTORY is the run's own, with its variables and the files to lend in it; DISK is the device with ROOT;
# SECRETS is a path or ''. SIDE is inside; or beside, and COMMAND is one of the host. BINDS is a number, followed by that
# many pairs SOURCE TARGET. leave_chroot has to follow.
run_in_chroot() {
  network_flag "$1"
  shift
  write_pid "$1"
  umask 022
  mount_control "$1"
  # shellcheck disable=SC2086 # a word or none
  exec unshare $network --mount --pid --ipc --uts --fork --kill-child=KILL sh "$0" chroot "$@"
}

# enter_chroot: the inner half of run_in_chroot, inside its namespaces. Mounts made here end with them.
enter_chroot() {
  set -e
  directory=$1 root=$2 disk=$3 name=$4 inputs=$5 secrets=$6 side=$7 binds=$8
  shift 8
  hostname "$name" 2>/dev/null || echo "$name" >/proc/sys/kernel/hostname
  raise_loopback
  devices=nodev
  ! confine_devices "$directory" "$disk" || { devices=dev; allow_devices; }
  [ ! -e "$directory/inside" ] || keep_covered_mounts keep
  directory_for /tmp; mount -t tmpfs -o "nosuid,$devices,mode=1777" tmpfs "$found"
  directory_for /run; mount -t tmpfs -o "nosuid,$devices,mode=0755" tmpfs "$found"; mkdir -m 1777 "$found/lock"
  mount_hardware "$directory" "$disk" "$found"
  directory_for /proc; mount -t proc -o nosuid,nodev,noexec proc "$found"
  limit_processes "$found/sys/kernel"
  # The kernel's settings are the host's. Those of a namespace (the host name) have been set above.
  mount --bind -o ro "$found/sys" "$found/sys"
  [ ! -e "$found/sysrq-trigger" ] || mount --bind /dev/null "$found/sysrq-trigger"
  directory_for /sys; mount --move "$directory/sys" "$found"
  directory_for /dev; mount --move "$directory/dev" "$found"
  # The terminal belongs to the host's devpts: inside, programs find it by this name.
  [ -z "${session-}" ] || { : >"$found/console"; mount --bind "$(tty)" "$found/console"; }
  lend_file resolv.conf /etc/resolv.conf whole
  show_name_servers
  lend_file policy-rc.d /usr/sbin/policy-rc.d command
  lend_file hosts /etc/hosts top
  # Before the binds, which may be inside it. The project may be on a file system mounted noexec; mount(8) changes the options of
  # a bind mount only if one of them is not a default.
  directory_for /mnt; mount --bind -o "relatime,exec,$devices" "$inputs" "$found"
  [ ! -e "$directory/inside" ] || keep_covered_mounts show
  while [ "$binds" -gt 0 ]; do
    if [ -d "$1" ]; then directory_for "$2"; mount --bind -o "relatime,exec,$devices" "$1" "$found"; else bind_file "$1" "$2"; fi
    shift 2
    binds=$((binds - 1))
  done
  [ -z "$secrets" ] || { directory_for /run/secrets; mount --bind -o ro "$secrets" "$found"; }
  [ "$side" = inside ] || enter_beside "$@"
  # Process 1 ignores signals that it does not handle, and has to reap orphans: a shell of the image does that for the
  # script, if the image has one. Its message on how the script ended, "Terminated", is not part of the output.
  # shellcheck disable=SC2016 # that shell expands it
  ! executable /bin/sh || set -- /bin/sh -c 'exec 3>&2 2>/dev/null; (exec "$@" 2>&3 3>&-); exit $?' sh "$@"
  : >"$directory/started"
  # The image's root is moved over the host's, as switch_root does it: nothing leads back, not even /proc/1/root.
  cd "$root"
  mount --move . /
  # A script may change a network of its own.
  [ -n "$network" ] || DENIED=$DENIED,-net_admin
  # The tools are found in the old root, which is still the root of this process.
  # shellcheck disable=SC2086 # words or none
  with_variables "$directory/environment" ${session-} \
    setpriv --inh-caps="$DENIED" --bounding-set="$DENIED" unshare --root=. --wd=/mnt "$@"
}

# enter_beside COMMAND…: the end of enter_chroot for a command of the host, which finds the prepared chroot at $root.
enter_beside() {
  mkdir -p "$directory/memory"
  mount -t tmpfs -o nosuid,nodev,mode=0700 tmpfs "$directory/memory"
  show_host_programs
  : >"$directory/started"
  cd "$inputs"
  # This process is process 1, see run_on_host.
  (with_variables "$directory/environment" setpriv --inh-caps="$DENIED" --bounding-set="$DENIED" "$@") || exit
  exit 0
}

# leave_chroot DIRECTORY ROOT CACHE…: takes back what enter_chroot put into the image, after the script and all that it started
# ended. Files of the caches, which stay, can be removed from then on.
leave_chroot() {
  directory=$1 root=$2
  shift 2
  [ $# = 0 ] || unpin "$@"
  release_devices "$directory"
  # A script may have remounted it read-only, as boots do.
  [ -w "$root" ] || mount -o remount,rw "$root" || return
  return_files "$root" "$directory" || return
  : >"$directory/script.pid"
}

# The capabilities that no process in a chroot has, since they reach past its namespaces and installing software does not
# need them: kexec and reboot, kernel modules, hardware, clocks, sleep, the kernel log, accounting, audit rules, and opening
# files of the host by handle. With the host's network, net_admin too.
DENIED=-sys_boot,-sys_module,-sys_rawio,-sys_time,-wake_alarm,-block_suspend,-syslog,-sys_pacct
DENIED=$DENIED,-audit_control,-audit_read,-dac_read_search

# with_variables FILE COMMAND…: executes a command with these environment variables and no others: lines NAME=VALUE, escaped
# as in a request. They are in an argument list only for the time that `env` needs to read them: every user can see
# argument lists, and the address of a proxy may contain a password.
with_variables() {
  file=$1
  shift
  while IFS= read -r word; do
    unescape
    set -- "$word" "$@"
  done <"$file"
  # Node raises it to the maximum. Programs that close all files they may have open would take minutes for that.
  # shellcheck disable=SC3045 # dash, bash and busybox have it
  ulimit -S -n 1024 2>/dev/null || true
  exec env -i "$@"
}

# write_pid DIRECTORY: writes the id of the process with which a script's namespaces end, for stop_script.
write_pid() {
  read -r self _ </proc/self/stat
  echo "$self" >"$1/script.pid"
  killed_for_memory >"$1/killed"
}

# killed_for_memory: prints how many processes the kernel has killed since it booted because it had no memory.
killed_for_memory() {
  while read -r name count; do [ "$name" != oom_kill ] || echo "$count"; done </proc/vmstat
}

# was_without_memory DIRECTORY: whether that happened since the script started.
was_without_memory() {
  [ "$(killed_for_memory)" != "$(cat "$1/killed")" ]
}

# stop_script DIRECTORY: kills the running script with all that it started, and nothing else.
stop_script() {
  read -r pid <"$1/script.pid" && kill -KILL "$pid"
}

# unpin DIRECTORY…: takes away the attributes that keep files from being removed, wherever chattr(1) can set them.
unpin() (
  PATH=/usr/sbin:/usr/bin:/sbin:/bin # -execdir refuses relative directories in it
  find "$@" -xdev '(' -type f -o -type d ')' -exec chattr -f -ia -- '{}' +
  # From this depth on, a path may be longer than the kernel takes.
  find "$@" -xdev -mindepth 15 '(' -type f -o -type d ')' -execdir chattr -f -ia -- '{}' +
  true
) 2>/dev/null

# network_flag host|none: sets and exports `network`, the option for unshare: --net or nothing.
network_flag() {
  case $1 in none) network=--net ;; *) network='' ;; esac
  export network
}

# raise_loopback: the loopback of a new network namespace is down. Without `ip` the script has to set it up.
raise_loopback() {
  [ -z "$network" ] || ip link set dev lo up 2>/dev/null || true
}

# limit_processes SETTINGS: limits the processes and threads of the chroot. PID namespaces have a limit of their own since
# Linux 6.14; in older kernels the setting is that of the whole machine, and must not be changed.
limit_processes() {
  IFS=.- read -r major minor _ <"$1/osrelease"
  [ "$major" -gt 6 ] || { [ "$major" = 6 ] && [ "$minor" -ge 14 ]; } || return 0
  echo 8192 >"$1/pid_max"
}

# allow_devices: lets device nodes on the image's own file systems be opened.
allow_devices() {
  mount -o remount,bind,dev "$root"
  [ ! -e "$directory/inside" ] || while IFS= read -r place; do
    mount -o remount,bind,dev "$root$place" 2>/dev/null || true # it is a layer's, which is read-only
  done <"$directory/inside"
}

# keep_covered_mounts keep|show: mounts inside the image at a path that vlb mounts over, for example below /mnt, are kept
# aside before that (keep) and moved to their path afterwards (show).
keep_covered_mounts() {
  number=0
  while IFS= read -r place; do
    number=$((number + 1))
    aside=$directory/aside/$number
    case $1 in
      keep)
        for cover in /tmp /run /dev /mnt; do
          in_root "$root" "$cover"
          case $root$place in "$found" | "$found"/*) mkdir -p "$aside"; mount --bind "$root$place" "$aside" ;; esac
        done
        ;;
      show) [ ! -d "$aside" ] || { directory_for "$place"; mount --move "$aside" "$found"; } ;;
    esac
  done <"$directory/inside"
}

# show_name_servers: shows the host's name servers also where systemd-resolved has its files, since a script may link
# /etc/resolv.conf there.
show_name_servers() {
  [ -e "$directory/lent/resolv.conf/given" ] || return 0
  directory_for /run/systemd/resolve
  for name in resolv.conf stub-resolv.conf; do
    [ -e "$found/$name" ] || copy_text "$directory/lent/resolv.conf/given" >"$found/$name"
  done
}

# executable PATH: whether the image has an executable file at this path.
executable() {
  in_root "$root" "$1" && [ -f "$found" ] && [ -x "$found" ]
}

# directory_for PATH: sets `found` to a directory to mount on. prepare_chroot created every mount point; one that is
# missing now is reached through a link into /tmp or /run, and what is created there ends with them.
directory_for() {
  in_root "$root" "$1"
  [ -d "$found" ] || mkdir -p "$found"
}

# bind_file SOURCE PATH: mounts a file of the host at a path of the image; see directory_for.
bind_file() {
  in_root "$root" "$2"
  [ -e "$found" ] || { mkdir -p "${found%/*}"; : >"$found"; }
  mount --bind -o "relatime,exec,$devices" "$1" "$found"
}
