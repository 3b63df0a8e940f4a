// The script that runs a machine in QEMU, without libvirt: KVM or emulation, BIOS or UEFI, forwarded ports.

import type { Machine, MachineNetwork } from '../model/machine/machine.ts';
import { uuidOf } from '../model/machine/machine.ts';
import { inQuotes, quoteCommand, quoteWord } from '../util/quote.ts';
import { type Arch, type Description, memoryMiB, osOfMachine } from './description.ts';

interface Platform {
  readonly machine: string;
  /** Emulates a processor that distributions for newer ones boot on. */
  readonly emulated: string;
  /** Where distributions install EDK II, as CODE:VARS: Debian and Ubuntu, Fedora and Enterprise Linux, Arch, SUSE. */
  readonly firmware: readonly string[];
  /** The same with Secure Boot and Microsoft's keys. */
  readonly secureFirmware: readonly string[];
}

const PLATFORMS: Readonly<Record<Arch, Platform>> = {
  x86_64: {
    machine: 'q35',
    emulated: 'max,la57=off',
    firmware: [
      '/usr/share/OVMF/OVMF_CODE_4M.fd:/usr/share/OVMF/OVMF_VARS_4M.fd',
      '/usr/share/OVMF/OVMF_CODE.fd:/usr/share/OVMF/OVMF_VARS.fd',
      '/usr/share/edk2/ovmf/OVMF_CODE.fd:/usr/share/edk2/ovmf/OVMF_VARS.fd',
      '/usr/share/edk2/x64/OVMF_CODE.4m.fd:/usr/share/edk2/x64/OVMF_VARS.4m.fd',
      '/usr/share/qemu/ovmf-x86_64-code.bin:/usr/share/qemu/ovmf-x86_64-vars.bin',
    ],
    secureFirmware: [
      '/usr/share/OVMF/OVMF_CODE_4M.ms.fd:/usr/share/OVMF/OVMF_VARS_4M.ms.fd',
      '/usr/share/OVMF/OVMF_CODE.ms.fd:/usr/share/OVMF/OVMF_VARS.ms.fd',
      '/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd:/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd',
      '/usr/share/qemu/ovmf-x86_64-smm-ms-code.bin:/usr/share/qemu/ovmf-x86_64-smm-ms-vars.bin',
    ],
  },
  aarch64: {
    machine: 'virt',
    emulated: 'max,pauth-impdef=on',
    firmware: [
      '/usr/share/AAVMF/AAVMF_CODE.fd:/usr/share/AAVMF/AAVMF_VARS.fd',
      '/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw:/usr/share/edk2/aarch64/vars-template-pflash.raw',
    ],
    secureFirmware: [],
  },
};

export function runScript(description: Description): string {
  const { machine, arch, disks } = description;
  const platform = PLATFORMS[arch];
  const needsUefi = machine.firmware === 'uefi' || arch === 'aarch64';
  const forwarded = machine.networks.some(({ bridge }) => bridge === undefined);
  const smm = machine.secureBoot ? ',smm=on' : '';
  return `#!/bin/sh
# run [--write] [--forward HOST:GUEST]... [-- QEMU-OPTION...]: runs the machine ${machine.name} in QEMU.
#   --write               keep what the guest writes; without it, all of that is discarded at the end
#   --forward HOST:GUEST  forward this TCP port of 127.0.0.1 to that port of the guest
# The serial console is on the terminal: ^a x ends QEMU, ^a h shows more keys. ACCEL=tcg emulates the processor though
# there is KVM; QEMU names the command, by default qemu-system-${arch}.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

stop() {
  printf 'run: %s\\n' "$*" >&2
  exit 2
}

write=no forwards=''
while [ $# -gt 0 ]; do
  case $1 in
    --write) write=yes ;;
    --forward)
      case \${2-} in
        *[!0-9:]* | *:*:* | :* | *: | '') stop '--forward requires HOST:GUEST, two numbers of ports' ;;
        *:*) forwards="$forwards,hostfwd=tcp:127.0.0.1:\${2%:*}-:\${2#*:}" ;;
        *) stop '--forward requires HOST:GUEST, two numbers of ports' ;;
      esac
      shift
      ;;
    --)
      shift
      break
      ;;
    *) stop "unknown option $1; usage: run [--write] [--forward HOST:GUEST]... [-- QEMU-OPTION...]" ;;
  esac
  shift
done
${forwarded ? '' : '[ -z "$forwards" ] || stop \'this machine has no network card that ports can be forwarded to\'\n'}
case $here in
  *,*) stop "$here: QEMU cannot open files below a directory with a comma in its name" ;;
esac
qemu=\${QEMU:-qemu-system-${arch}}
command -v "$qemu" >/dev/null || stop "$qemu is not installed"
if [ -z "\${ACCEL-}" ]; then
  if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then ACCEL=kvm; else ACCEL=tcg; fi
fi
case $ACCEL in
  kvm) cpu=host ;;
  *) cpu=${quoteWord(platform.emulated)} ;;
esac
snapshot=on
[ "$write" = no ] || snapshot=off
${needsUefi ? uefiPart(machine.name, machine.secureBoot ? platform.secureFirmware : platform.firmware) : ''}
exec "$qemu" \\
  ${lines([
    ['-name', machine.name],
    ['-uuid', uuidOf(machine.name)],
    `-machine "${platform.machine}${smm},accel=$ACCEL"`,
    '-cpu "$cpu"',
    ['-smp', String(machine.cpus)],
    ['-m', `${memoryMiB(machine)}M`],
    ['-nographic'],
    ...(needsUefi ? [UEFI_DRIVES] : []),
    ...(machine.secureBoot ? [['-global', 'driver=cfi.pflash01,property=secure,value=on']] : []),
    ...disks.flatMap(({ file, name }, index) => [
      `-drive "if=none,id=disk${index},format=qcow2,discard=unmap,snapshot=$snapshot,file=$here/${inQuotes(file)}"`,
      ['-device', diskDevice(index, name, osOfMachine(machine).isWindows)],
    ]),
    ...(machine.networks.length === 0 ? [['-nic', 'none']] : machine.networks.flatMap(networkArguments)),
    ['-device', 'virtio-rng-pci'],
  ])} \\
  "$@"
`;
}

const UEFI_DRIVES =
  '-drive "if=pflash,unit=0,format=raw,readonly=on,file=$code" -drive "if=pflash,unit=1,format=raw,snapshot=$snapshot,file=$vars"';

/** The variables, in which the firmware keeps boot entries, are a file beside the script where changes are kept. */
function uefiPart(name: string, places: readonly string[]): string {
  return `code='' vars=''
for place in ${quoteCommand(places)}; do
  if [ -e "\${place%:*}" ] && [ -e "\${place#*:}" ]; then
    code=\${place%:*} vars=\${place#*:}
    break
  fi
done
[ -n "$code" ] || stop 'no UEFI firmware for QEMU is installed (package ovmf, edk2-ovmf or qemu-efi-aarch64)'
if [ "$write" = yes ]; then
  [ -e "$here/${inQuotes(`${name}.vars.fd`)}" ] || cp "$vars" "$here/${inQuotes(`${name}.vars.fd`)}"
  vars="$here/${inQuotes(`${name}.vars.fd`)}"
fi
`;
}

function diskDevice(index: number, name: string, isWindows: boolean): string {
  const boot = `drive=disk${index},bootindex=${index},serial=${name.slice(0, 20)}`;
  return isWindows ? `ide-hd,bus=ide.${index},${boot}` : `virtio-blk-pci,${boot}`;
}

const CARDS: Readonly<Record<string, string>> = { virtio: 'virtio-net-pci' };

/** The first card without a bridge has the forwarded ports. A network of libvirt is QEMU's own, with access to others. */
function networkArguments(
  { bridge, model, mac }: MachineNetwork,
  index: number,
  all: readonly MachineNetwork[],
): readonly (string | readonly string[])[] {
  const isForwarded = index === all.findIndex((one) => one.bridge === undefined);
  const backend =
    bridge === undefined
      ? `-netdev "user,id=net${index}${isForwarded ? '$forwards' : ''}"`
      : ['-netdev', `bridge,id=net${index},br=${bridge}`];
  return [backend, ['-device', `${CARDS[model] ?? model},netdev=net${index},mac=${mac}`]];
}

function lines(all: readonly (string | readonly string[])[]): string {
  return all.map((line) => (typeof line === 'string' ? line : quoteCommand(line))).join(' \\\n  ');
}

/** What fits: the slots of q35's bus that its own devices leave, or its six SATA ports. The bus of the machine virt has as many. */
export function runMost(machine: Pick<Machine, 'os'>): { readonly disks?: number; readonly devices: number } {
  return { devices: 28, ...(osOfMachine(machine).isWindows ? { disks: 6 } : {}) };
}
