#!/bin/sh
# The first process of the guest of the vm backend. It takes orders on a virtio port, on the vlb side src/host/vm/guest.ts:
#
#   shell NAME        runs a root shell on the ports NAME and NAME.err until NAME is closed on the host's side
#   beside NAME SHELL  runs another agent in the namespaces of a root shell, in the same way
#
# It answers "ready" once, and "ended NAME" when an agent has ended.

PATH=/usr/sbin:/usr/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs -o nosuid,noexec devtmpfs /dev
mkdir -p /dev/pts /dev/shm /run /tmp /var/tmp
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=0755 tmpfs /run
ln -s /proc/self/fd /dev/fd
for module in virtio_pci virtio_console nvme virtio_net; do modprobe -q "$module"; done
# The addresses of QEMU's user network.
ip link set dev lo up
for entry in /sys/class/net/e*; do
  name=${entry##*/}
  ip address add 10.0.2.15/24 dev "$name" && ip link set dev "$name" up && ip route add default via 10.0.2.2
done

# Programs of the host, which agent/sandbox.sh puts in the place of /usr for some scripts.
if [ -d /agent/host/usr ]; then
  modprobe -q 9pnet_virtio
  mount -t 9p -o ro,nodev,nosuid,trans=virtio,version=9p2000.L,cache=loose,msize=262144 vlb-usr /agent/host/usr || echo 'no programs of the host' >/dev/console
fi

# port NAME: waits for the virtio port of this name and sets `device`.
port() {
  tries=0
  while [ "$tries" -lt 3000 ]; do
    for entry in /sys/class/virtio-ports/*; do
      { read -r name <"$entry/name"; } 2>/dev/null || continue
      device=/dev/${entry##*/}
      [ "$name" != "$1" ] || [ ! -c "$device" ] || return 0
    done
    tries=$((tries + 1))
    sleep 0.01
  done
  echo "no port $1" >/dev/console
  return 1
}

# root_shell NAME: the agent, in the namespaces that it has on a host.
root_shell() {
  port "$1" || return
  input=$device
  port "$1.err" || return
  exec 3<>"$input" 4<>"$device"
  mkdir -p "/run/vlb/$1"
  unshare --mount --pid --fork --kill-child=KILL --mount-proc sh /agent/agent.sh agent '' <&3 >&3 2>&4 3>&- 4>&- &
  echo $! >"/run/vlb/$1.pid"
  wait $!
  rm -rf --one-file-system "/run/vlb/$1" "/run/vlb/$1.pid"
}

# beside NAME SHELL: an agent in the namespaces of the root shell SHELL, while that shell runs a command. It ends with them, or
# when NAME is closed.
beside() {
  port "$1" || return
  input=$device
  port "$1.err" || return
  read -r pid <"/run/vlb/$2.pid" || return
  sh /agent/agent.sh beside "$pid" <>"$input" >&0 2>"$device"
}

port vlb.orders
exec 5<>"$device"
echo ready >&5
while read -r order name other <&5; do
  case $order in
    shell) { root_shell "$name" 5>&-; echo "ended $name" >&5; } & ;;
    beside) { beside "$name" "$other" 5>&-; echo "ended $name" >&5; } & ;;
    *) break ;;
  esac
done
sync
echo o >/proc/sysrq-trigger
sleep 10
