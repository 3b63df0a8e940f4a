# variant.sh DIRECTORY PARENT SCRIPT CREATE FILE QCOW2 MOUNT: one run of a script on a delta, attached as vlb does it but with
# other options. The delta is DIRECTORY/delta.qcow2. Called in mount and PID namespaces of its own, which take away the rest.
set -eu
cd "$1"
parent=$2 script=$3 create=$4 file=$5 qcow2=$6 options=$7
rm -rf delta.qcow2 disk pid root
qemu-img create -q -f qcow2 -b "$parent" -F qcow2 ${create:+-o "$create"} delta.qcow2
: >disk
mkdir root
qemu-storage-daemon \
  --blockdev "{\"driver\":\"file\",\"node-name\":\"file\",\"filename\":\"$PWD/delta.qcow2\",\"discard\":\"unmap\"${file:+,$file}}" \
  --blockdev "{\"driver\":\"qcow2\",\"node-name\":\"disk\",\"file\":\"file\",\"discard\":\"unmap\"${qcow2:+,$qcow2}}" \
  --export "{\"type\":\"fuse\",\"id\":\"disk\",\"node-name\":\"disk\",\"mountpoint\":\"$PWD/disk\",\"writable\":true}" \
  --pidfile "$PWD/pid" &
daemon=$!
until [ -s pid ]; do
  kill -0 "$daemon"
  sleep 0.002
done
device=$(losetup --find --show disk)
partx --update "$device"
mount -o "$options" "${device}p1" root
losetup --detach "$device" # with its last user
install -m 0755 "$script" root/script
mount -t tmpfs tmpfs root/tmp
mount -t tmpfs tmpfs root/run
mount --bind /proc root/proc
mount -t tmpfs tmpfs root/dev
cp -a /dev/null /dev/zero /dev/urandom root/dev
env -i PATH="$PATH" HOME=/root LANG=C.UTF-8 chroot root /script >/dev/null 2>&1
rm root/script
umount root/tmp root/run root/proc root/dev
sync --file-system root
# Without its journal, the kernel does not trim.
case $options in *noload*)
  umount root
  device=$(losetup --find --show disk)
  partx --update "$device"
  mount "${device}p1" root
  losetup --detach "$device"
  ;;
esac
fstrim root
umount root
while [ -e "/sys/block/${device##*/}/loop" ]; do sleep 0.002; done
kill "$daemon"
wait "$daemon"
sync delta.qcow2
