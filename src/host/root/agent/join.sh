# shellcheck shell=sh
# Interactive commands: a process on vlb's own streams enters the namespaces of a running root shell.
#
# In a guest of the vm backend, whose init.sh calls `beside`, that process is another agent.
#
# Functions: join, shell_below, request, beside, answer, with_input, in_terminal, resize
# Globals: agent, file, session, rows, columns (exported to the inner half; sandbox.sh uses session); target, at; word (from protocol.sh)

# join PID FILE terminal|own: runs the request in FILE in the namespaces of the root shell below process PID, and ends with
# them. It gets vlb's streams, or a terminal of its own, whose session leader it can be.
join() {
  target=$(shell_below "$1") || { echo 'the namespaces of the run no longer exist' >&2; return 1; }
  agent=$0 file=$2
  export agent file
  case $3 in
    own) exec nsenter --target "$target" --mount --pid sh "$agent" request "$file" ;;
    terminal)
      # The inner process 1 takes the terminal over: job control needs process ids of its own PID namespace.
      export session='setsid --ctty'
      # shellcheck disable=SC2016 # script's shell expands these
      exec nsenter --target "$target" --mount --pid script -qec 'exec sh "$agent" request "$file"' /dev/null
      ;;
  esac
}

# shell_below PID: prints the first process below PID that is process 1 of a PID namespace. (sudo and unshare are in
# between.)
shell_below() {
  at=$1
  while :; do
    # Its status means nothing: some processes always end while grep runs.
    at=$(grep -ls "^PPid:[[:space:]]*$at\$" /proc/[0-9]*/status)
    [ -n "$at" ] || return 1
    at=${at#/proc/}
    at=${at%%/*}
    case $(grep '^NSpid:' "/proc/$at/status") in *[[:space:]]1) echo "$at"; return ;; esac
  done
}

# request FILE: runs the command in FILE, one argument per line, escaped as in a request to the agent.
request() {
  file=$1
  set --
  while IFS= read -r word; do
    unescape
    set -- "$@" "$word"
  done <"$file"
  "$@"
}

# beside PID: an agent in the namespaces of the root shell below process PID.
beside() {
  target=$(shell_below "$1") || return
  exec nsenter --target "$target" --mount --pid sh "$0" answer
}

# answer: answers requests until standard input ends. What is below ends with the namespaces, if not before.
answer() {
  export LC_ALL=C
  exec 3>&2 2>/dev/null
  serve 2>&3 3>&-
}

# with_input PORT COMMAND…: runs a command whose input comes from the virtio port of this name.
with_input() {
  target=$1
  shift
  for at in /sys/class/virtio-ports/*; do
    { read -r file <"$at/name"; } 2>/dev/null || continue
    [ "$file" = "$target" ] || continue
    "$@" <"/dev/${at##*/}"
    return
  done
  echo "there is no port $target" >&2
  return 1
}

# in_terminal ROWS COLUMNS FILE: runs the request in FILE in a terminal of its own, of that size, see join.
in_terminal() {
  agent=$0 file=$3 session='setsid --ctty' rows=$1 columns=$2
  export agent file session rows columns
  # shellcheck disable=SC2016 # script's shell expands these
  script -qec 'tty >"$file.tty"; stty rows "$rows" columns "$columns"; exec sh "$agent" request "$file"' /dev/null
}

# resize ROWS COLUMNS FILE: gives that terminal another size, of which the kernel notifies the programs in it.
resize() {
  IFS= read -r at <"$3.tty" && stty -F "$at" rows "$1" columns "$2"
}
