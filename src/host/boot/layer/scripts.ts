// What runs in a guest around a layer's script, and how it gets there: docs/design/booted-layers.md. Nothing of it is on the disk.

import { PORTS } from '../qemu/arguments.ts';

/**
 * Takes what vlb sends, and continues with the script in it. Fails before anything has begun where the port is not plugged in, or is taken
 * out before vlb knows that it is open: then it is started again when the port is back.
 */
export const TAKE = `for port in /sys/class/virtio-ports/*; do
  read -r name < "$port/name" || continue
  case $name in
    ${PORTS.words}) words=/dev/\${port##*/} ;;
    ${PORTS.input}) input=/dev/\${port##*/} ;;
    ${PORTS.output}) output=/dev/\${port##*/} ;;
  esac
done
exec 3<> "$words"
read -r go <&3 && [ "$go" = go ] || exit 1
mkdir -p /run/vlb
mkdir /run/vlb/data || exit 0
exec 4> "$output"
cd /run/vlb/data
mount -t tmpfs -o mode=0755,size=90% vlb .
cd /run/vlb/data
mkdir -m 700 secrets
mount -t ramfs -o mode=0700 vlb secrets
cat "$input" | tar -xf - && exec /bin/sh ./run
`;

/** Waits for the system, runs the script, and powers off. Its words for vlb go to descriptor 3, the script's output to 4. */
export const RUN = `cd /run/vlb/data
echo taken >&3
if [ -s wait-for ]; then
  read -r unit < wait-for
  until systemctl --quiet is-active -- "$unit"; do sleep 0.2; done
elif [ -d /run/systemd/system ]; then
  # --wait would need D-Bus, which a small system does not have.
  while :; do
    case $(systemctl is-system-running) in
      initializing | starting) sleep 0.2 ;;
      *) break ;;
    esac
  done
fi
made=
[ -d /mnt ] || { mkdir /mnt && made=1; }
mount --bind 0 /mnt
echo started >&3
xargs -0 /bin/sh -c 'exec 3>&-; cd /mnt && env -i "$@" < /dev/null; echo "$?" > /run/vlb/status' sh < command >&4 2>&1
read -r status < /run/vlb/status || status=255
exec 4>&-
cd /
umount -l /mnt
[ -z "$made" ] || rmdir /mnt
umount -l /run/vlb/data/secrets
umount -l /run/vlb/data
fstrim -a > /dev/null 2>&1
sync
echo "exit $status" >&3
if [ -d /run/systemd/system ]; then systemctl poweroff; else poweroff; fi
`;

/** In /run, so that systemd and udev find it, and it ends with the boot. The script of a layer may use all memory: that must not end this unit. */
const UNIT = `[Unit]
Description=Script of a layer of vlb
[Service]
ExecStart=/bin/sh /run/vlb/take
StandardInput=null
StandardOutput=null
StandardError=null
OOMPolicy=continue
`;

const RULE = `SUBSYSTEM=="virtio-ports", ATTR{name}=="${PORTS.words}", TAG+="systemd", ENV{SYSTEMD_WANTS}+="vlb-layer.service"
`;

/** For systemd-tmpfiles(8) of systemd 252 and later, which runs when a system starts. */
export const TMPFILES = [
  'd /run/vlb 0700 - - - -',
  line('/run/vlb/take', TAKE),
  line('/run/systemd/system/vlb-layer.service', UNIT),
  'd /run/udev/rules.d 0755 - - - -',
  line('/run/udev/rules.d/90-vlb.rules', RULE),
  '',
].join('\n');

function line(file: string, content: string): string {
  const escaped = content.replaceAll('\\', '\\\\').replaceAll('%', '%%').replaceAll('\n', '\\n');
  return `f+ ${file} 0644 - - - ${escaped}`;
}

/** For the guest agent: the same. In a unit of its own, since a script may replace the agent; systemd would expand a text in an argument. */
export const AGENT_COMMAND = `mkdir -m 700 -p /run/vlb
cat > /run/vlb/take <<'END'
${TAKE}END
if [ -d /run/systemd/system ]; then
  systemd-run --collect --unit=vlb-layer --property=OOMPolicy=continue /bin/sh /run/vlb/take
else
  setsid /bin/sh /run/vlb/take < /dev/null > /dev/null 2>&1 &
fi`;
