# The root side of vlb: a shell that runs the commands it is sent, one at a time, in namespaces of its own.
# It is PID 1 there. When vlb ends or closes the shell, standard input ends and everything below is killed with it.
#
# This file reads the others and dispatches on the role; bin/bundle.mjs puts their text in place of the lines that read
# them. They only define functions and constants. Arguments are positional; a function's comment names them in order.
# A function that returns a value in a global variable (`found`, `network`) says so: a subshell for each value would take
# more time than all the mounts. Use the value before calling anything else.

. "${0%/*}/protocol.sh"
. "${0%/*}/paths.sh"
. "${0%/*}/devices.sh"
. "${0%/*}/hardware.sh"
. "${0%/*}/lend.sh"
. "${0%/*}/sandbox.sh"
. "${0%/*}/mounts.sh"
. "${0%/*}/view.sh"
. "${0%/*}/join.sh"

role=$1
shift
case $role in
  agent) serve_until_closed "$1" ;;
  host) enter_host "$@" ;;
  chroot) enter_chroot "$@" ;;
  join) join "$@" ;;
  request) request "$@" ;;
esac
