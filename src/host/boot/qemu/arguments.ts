// The command line of QEMU for a test boot. The machine has only the devices named here (-nodefaults).

import type { Accelerator, Network, NetworkCard } from '../../../model/ports/booter.ts';
import type { DiskImage } from '../../../model/ports/viewer.ts';
import type { Medium } from '../medium.ts';
import type { GuestArch, UefiFirmware } from './firmware.ts';

/** A disk of a machine. */
export interface MachineDisk extends DiskImage {
  readonly serial?: string;
}

export interface MachineSpec {
  readonly arch: GuestArch;
  readonly accelerator: Accelerator;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly medium: Medium;
  /** Whether the disk is for sectors of 4096 bytes. */
  readonly hasLargeSectors?: boolean;
  /** Whether the guest writes to its disk itself; by default what it writes is discarded. */
  readonly writes?: boolean;
  /** What an installer has: an empty disk, which it writes to, and its disc. */
  readonly installation?: { readonly disk: string; readonly disc: string | undefined };
  /** Further disks; `writes` is for them as well. */
  readonly disks: readonly MachineDisk[];
  readonly firmware: UefiFirmware | undefined;
  readonly network: Network;
  readonly cards: readonly NetworkCard[];
  readonly uuid?: string | undefined;
  /** Path of a seed ISO. */
  readonly seed: string | undefined;
}

/** Where the serial console is connected. */
export type ConsoleTarget =
  /** The terminal, shared with QEMU's monitor: `^a c` switches, `^a x` leaves. */
  | { readonly type: 'terminal' }
  /** QEMU's standard output; vlb listens on the sockets, which QEMU connects to when it starts. */
  | {
      readonly type: 'watched';
      readonly control: string;
      readonly agent: string | undefined;
      readonly handOver?: HandOver | undefined;
    };

/** How a script gets into a guest, see docs/design/booted-layers.md. */
export interface HandOver {
  /** A text for systemd-tmpfiles in the guest. */
  readonly tmpfiles: string;
  /** The sockets of its ports. */
  readonly input: string;
  readonly output: string;
  readonly words: string;
}

/** The names of the ports in the guest. The last is plugged in while the guest runs, as the device with that name. */
export const PORTS = { input: 'vlb.input', output: 'vlb.output', words: 'vlb' } as const;

/** What plugs the port for words into a guest: arguments of device_add. */
export const WORDS_DEVICE = {
  driver: 'virtserialport',
  bus: 'ports.0',
  chardev: 'words',
  name: PORTS.words,
  id: PORTS.words,
} as const;

/** The name that the guest agent looks for: docs/interop/qemu-ga.rst. */
const AGENT_PORT = 'org.qemu.guest_agent.0';

/**
 * The guest may attack QEMU: it starts no program, gets no privilege, and changes no limit of its own. What makes a port on a bridge for it
 * is a program with privileges.
 */
export const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

/** The arguments after the command's name. */
export function qemuArguments(spec: MachineSpec, console: ConsoleTarget): string[] {
  return [
    '-no-user-config',
    '-nodefaults',
    ...['-sandbox', spec.network.type === 'bridge' ? 'on' : SANDBOX],
    ...['-machine', `${MACHINES[spec.arch]},accel=${spec.accelerator},graphics=off`],
    ...['-cpu', processor(spec)],
    ...['-smp', String(spec.cpus)],
    ...['-m', String(spec.memoryMiB)],
    ...(spec.uuid === undefined ? [] : ['-uuid', spec.uuid]),
    ...['-display', 'none'],
    // Only the medium is tried, so that one that does not boot fails at once.
    ...['-boot', 'strict=on'],
    // Without it a guest may wait for entropy.
    ...['-device', 'virtio-rng-pci'],
    ...firmwareArguments(spec.firmware),
    ...mediumArguments(spec, console),
    ...(spec.installation ? installationArguments(spec.installation, spec.arch, console) : []),
    ...spec.disks.flatMap((disk, index) => {
      const serial = disk.serial === undefined ? '' : `,serial=${disk.serial}`;
      return diskArguments(`disk${index + 1}`, disk, console, serial, spec.writes);
    }),
    ...(spec.seed === undefined ? [] : seedArguments(spec.seed)),
    ...spec.cards.flatMap((card, index) => networkArguments(spec.network, card, index)),
    ...consoleArguments(console),
  ];
}

const LARGE_SECTORS = ',logical_block_size=4096,physical_block_size=4096';

/** graphics=off makes the BIOS, and what prints through it, use the serial console. */
const MACHINES: Readonly<Record<GuestArch, string>> = { x86_64: 'q35', aarch64: 'virt' };

/**
 * `max` has what distributions built for x86-64-v2 and v3 need. Five-level paging is off, since emulating it is slow
 * and some kernels fail with it; arm64 gets the fast pointer authentication, since emulating the real one doubles the time.
 */
function processor({ accelerator, arch }: MachineSpec): string {
  if (accelerator === 'kvm') return 'host';
  return arch === 'x86_64' ? 'max,la57=off' : 'max,pauth-impdef=on';
}

function firmwareArguments(firmware: UefiFirmware | undefined): string[] {
  if (!firmware) return [];
  return [
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${escaped(firmware.code)}`],
    ...['-drive', `if=pflash,unit=1,format=raw,snapshot=on,file=${escaped(firmware.variables)}`],
  ];
}

/**
 * With snapshot=on the image is opened read-only; QEMU unlinks the overlay, in TMPDIR, as soon as it is open.
 * When no space is left for it, QEMU pauses the guest and reports that to a check. At a terminal the guest would seem
 * to hang, so there it gets the error.
 */
function diskArguments(
  id: string,
  { file, format }: DiskImage,
  { type }: ConsoleTarget,
  more = '',
  writes = false,
): string[] {
  const changes = writes ? WRITTEN : 'snapshot=on';
  const drive = `if=none,id=${id},format=${format},${changes},discard=unmap,file=${escaped(file)}`;
  const onError = type === 'terminal' ? 'report' : 'enospc';
  return ['-drive', `${drive},werror=${onError}`, '-device', `virtio-blk-pci,drive=${id}${more}`];
}

/** As a delta is written on this host: flushes wait for the commit, and zeros take no space. */
const WRITTEN = 'cache=unsafe,detect-zeroes=unmap';

function mediumArguments(
  { medium, arch, hasLargeSectors, writes }: MachineSpec,
  console: ConsoleTarget,
): string[] {
  switch (medium.type) {
    case 'disk':
      return diskArguments(
        'disk',
        medium.image,
        console,
        `,bootindex=0${hasLargeSectors ? LARGE_SECTORS : ''}`,
        writes,
      );
    case 'disc':
      return discArguments(medium.file, arch, ',bootindex=0');
    case 'kernel':
      return ['-kernel', medium.kernel, '-initrd', medium.initrd, '-append', medium.cmdline];
  }
}

function discArguments(file: string, arch: GuestArch, more = ''): string[] {
  const drive = `if=none,id=disc,media=cdrom,format=raw,readonly=on,file=${escaped(file)}`;
  // Machines for arm64 have no controller for it.
  const device = arch === 'x86_64' ? ['ide-cd'] : ['virtio-scsi-pci', '-device', 'scsi-cd'];
  return ['-drive', drive, '-device', ...device.slice(0, -1), `${device.at(-1)},drive=disc${more}`];
}

function installationArguments(
  { disk, disc }: NonNullable<MachineSpec['installation']>,
  arch: GuestArch,
  console: ConsoleTarget,
): string[] {
  return [
    ...diskArguments('disk', { file: disk, format: 'qcow2' }, console, '', true),
    ...(disc === undefined ? [] : discArguments(disc, arch)),
  ];
}

function seedArguments(file: string): string[] {
  const drive = `if=none,id=seed,format=raw,readonly=on,file=${escaped(file)}`;
  return ['-drive', drive, '-device', 'virtio-blk-pci,drive=seed'];
}

/** The first card has the forwards: a port of the host leads to one place. */
function networkArguments(network: Network, { model, mac }: NetworkCard, index: number): string[] {
  if (network.type === 'none') return [];
  const id = `net${index === 0 ? '' : index}`;
  const device = model === 'virtio' ? 'virtio-net-pci' : model;
  // Without its boot ROM: test boots do not boot from the network.
  const card = ['-device', `${device},netdev=${id},romfile=${mac === undefined ? '' : `,mac=${mac}`}`];
  if (network.type === 'bridge') {
    return ['-netdev', `bridge,id=${id},br=${escaped(network.bridge)}`, ...card];
  }
  const forwards = (index === 0 ? network.forwards : []).map(
    ({ address, hostPort, guestPort }) => `,hostfwd=tcp:${address}:${hostPort}-:${guestPort}`,
  );
  return ['-netdev', `user,id=${id}${forwards.join('')}`, ...card];
}

function consoleArguments(target: ConsoleTarget): string[] {
  // signal=off: ^C belongs to the guest.
  if (target.type === 'terminal') {
    const mux = ['-chardev', 'stdio,id=console,mux=on,signal=off'];
    return [...mux, '-serial', 'chardev:console', '-mon', 'chardev=console'];
  }
  return [
    // A guest that reboots has failed: one that panics with panic=10 would reboot for ever.
    '-no-reboot',
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=control,path=${target.control}`, '-mon', 'chardev=control,mode=control'],
    ...(target.agent === undefined && target.handOver === undefined
      ? []
      : ['-device', 'virtio-serial-pci,id=ports']),
    ...(target.agent === undefined ? [] : portArguments('agent', target.agent, AGENT_PORT)),
    ...(target.handOver === undefined ? [] : handOverArguments(target.handOver)),
  ];
}

function portArguments(id: string, socket: string, name: string): string[] {
  return [...socketArguments(id, socket), '-device', `virtserialport,chardev=${id},name=${name}`];
}

function socketArguments(id: string, socket: string): string[] {
  return ['-chardev', `socket,id=${id},path=${socket}`];
}

/** systemd reads its credentials from the tables of the firmware. The text is not secret. */
function handOverArguments({ tmpfiles, input, output, words }: HandOver): string[] {
  const credential = `io.systemd.credential.binary:tmpfiles.extra=${Buffer.from(tmpfiles).toString('base64')}`;
  return [
    ...['-smbios', `type=11,value=${credential}`],
    ...portArguments('input', input, PORTS.input),
    ...portArguments('output', output, PORTS.output),
    ...socketArguments('words', words),
  ];
}

/** A comma ends a value in QEMU's options, unless it is doubled. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}
