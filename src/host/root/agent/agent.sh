# The root side of vlb: a shell that runs the commands it is sent, one at a time, in namespaces of its own.
# It is PID 1 there. When vlb ends or closes the shell, standard input ends and everything below is killed with it.
#
# It has two mount namespaces. In the inner one, that of this shell, are the mounts of layers. Daemons, and the files by which they
# show disks, are in the outer one (`outside` in devices.sh): the last process of a mount namespace unmounts all that is in
# it, and a daemon that unmounts what is on its own disk waits for itself.
#
# This file reads the others and dispatches on the role; bin/bundle.mjs puts their text in place of the lines that read
# them. They only define functions and constants. Arguments are positional; a function's comment names them in order.
# A function that returns a value in a global variable (`found`, `network`) says so: a subshell for each value would take
# more time than all the mounts. Use the value before calling anything else.

# The roles `agent` (which becomes `serve`) and those below. This one begins before the rest is read, which would take a millisecond.
if [ "$1" = agent ]; then
  mount --make-rshared / || exit 1 # what daemons mount appears in the inner namespace, and nothing the other way
  exec 8</ 9</proc/self/ns/mnt unshare --mount --propagation slave sh "$0" serve "$2"
fi

. "${0%/*}/protocol.sh"
. "${0%/*}/paths.sh"
. "${0%/*}/devices.sh"
. "${0%/*}/stacked.sh"
. "${0%/*}/hardware.sh"
. "${0%/*}/lend.sh"
. "${0%/*}/sandbox.sh"
. "${0%/*}/mounts.sh"
. "${0%/*}/view.sh"
. "${0%/*}/join.sh"

role=$1
shift
case $role in
  serve) serve_until_closed "$1" ;;
  host) enter_host "$@" ;;
  chroot) enter_chroot "$@" ;;
  join) join "$@" ;;
  request) request "$@" ;;
  beside) beside "$1" ;;
  answer) answer ;;
esac
