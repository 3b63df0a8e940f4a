# shellcheck shell=sh
# The protocol between vlb and the root shell, on the vlb side src/host/root/root-shell.ts.
#
# A request is a verb, the number of arguments, and the arguments, one per line (backslash and newline escaped).
# An answer is what the command prints, then a line "MARK STATUS" on standard output and "MARK" on standard error.
# Arguments are never parsed by the shell: they are data from the first byte to the last.
#
# Functions: serve_until_closed, serve, stop, forward, stream, write_file, unescape
# Globals: mark, verb, count, status (serve); again (stop); word (unescape)

# serve_until_closed [DIRECTORY]: the role `serve`. It answers requests until standard input ends, then kills everything. Where
# that killed a script, its files in the run's DIRECTORY are as it left them, and have to be removable.
serve_until_closed() {
  # `forward` kills everything it can reach, so it must be in a PID namespace of its own: this shell is the first there.
  [ $$ = 1 ] || exit 1
  export LC_ALL=C
  # This shell's own messages on how others ended, such as "Killed", must not get into a script's output.
  exec 3>&2 2>/dev/null
  # When only `serve` is killed, everything has to end as well, or `forward` would wait for vlb, and vlb for an answer.
  # Nobody but this shell has the way to the outer mount namespace open.
  forward "$1" 3>&- 8<&- 9<&- | { exec 8<&- 9<&-; (serve 2>&3 3>&-); kill -KILL -1; }
}

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
      stop) stop "$1" ;;
      pin_loop) pin_loop "$1" ;;
      write) write_file "$@" ;;
    esac
    status=$?
    printf '\n%s %s\n' "$mark" "$status"
    printf '\n%s\n' "$mark" >&2
  done
}

# stop PID: ends a process that this shell has started; the status is that of the process. The signal is sent again each second:
# QEMU 7.2's daemon loses one that arrives between the check of its request to end and ppoll(2), and would run forever.
stop() {
  kill -TERM "$1" 2>/dev/null
  (while sleep 1 && kill -TERM "$1"; do :; done) </dev/null >/dev/null 2>&1 3>&- &
  again=$!
  wait "$1"
  set -- "$?"
  kill -KILL "$again"
  wait "$again"
  return "$1"
}

forward() {
  while IFS= read -r line; do printf '%s\n' "$line"; done
  kill -KILL -1
  # A run that ended as it should is removed by vlb, which sees whether something is pinned in it.
  [ -z "$1" ] || [ ! -s "$1/script.pid" ] || unpin "$1"
}

# stream COMMAND…: passes on everything that the command prints as one stream, a script's log. It is a pipe: this shell's
# own streams are sockets, which scripts cannot open as /dev/stderr.
stream() {
  # This shell's message on how the command ended, "Killed", is not part of its output.
  return "$({ { exec 4>&1 2>/dev/null; ("$@") </dev/null 2>&4 3>&- 4>&-; echo "$?" >&3; } | cat >&2 3>&-; } 3>&1)"
}

# write_file FILE CONTENT [MODE]: writes a file that only root can read, or with a mode, replaces one; from content in base64. The
# content is not the argument of any command: every user could read it in the process list.
write_file() (
  umask 377
  [ -z "${3-}" ] || rm -f -- "$1"
  printf %s "$2" | base64 -d >"$1" && { [ -z "${3-}" ] || chmod "$3" "$1"; }
)

# unescape: removes the escapes from `word`.
unescape() {
  case $word in *\\*) word=$(printf '%b.' "$word"); word=${word%.} ;; esac
}
