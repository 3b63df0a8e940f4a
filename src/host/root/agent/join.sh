# shellcheck shell=sh
# Interactive commands: a process on vlb's own streams enters the namespaces of a running root shell.
#
# Functions: join, shell_below, request
# Globals: agent, file, session (exported to the inner half; sandbox.sh uses session); target, at; word (from protocol.sh)

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
