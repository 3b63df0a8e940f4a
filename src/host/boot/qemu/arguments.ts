// The command line of QEMU for a test boot. Nothing but what is named here is in the machine (-nodefaults).

import type { Accelerator, Network } from '../../../model/ports/booter.ts';
import type { BootImage } from '../../images/open-image.ts';
import type { GuestArch, UefiFirmware } from './firmware.ts';

export interface MachineSpec {
  readonly arch: GuestArch;
  readonly accelerator: Accelerator;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly image: BootImage;
  readonly firmware: UefiFirmware | undefined;
  readonly network: Network;
  /** Path of a seed ISO. */
  readonly seed: string | undefined;
}

/** Where the serial console leads. */
export type ConsolePlace =
  /** The terminal, shared with QEMU's monitor: `^a c` switches, `^a x` leaves. */
  | { readonly type: 'terminal' }
  /** QEMU's standard output; vlb listens on the sockets, which QEMU connects to when it starts. */
  | { readonly type: 'watched'; readonly control: string; readonly agent: string | undefined };

/** The name that the guest agent looks for: docs/interop/qemu-ga.rst. */
const AGENT_PORT = 'org.qemu.guest_agent.0';

/** The arguments after the command's name. */
export function qemuArguments(spec: MachineSpec, console: ConsolePlace): string[] {
  return [
    '-no-user-config',
    '-nodefaults',
    ...['-machine', `${MACHINES[spec.arch]},accel=${spec.accelerator},graphics=off`],
    ...['-cpu', processor(spec)],
    ...['-smp', String(spec.cpus)],
    ...['-m', String(spec.memoryMiB)],
    ...['-display', 'none'],
    // Only the image is tried, so that an image that does not boot says so at once.
    ...['-boot', 'strict=on'],
    // A guest without entropy waits for it.
    ...['-device', 'virtio-rng-pci'],
    ...firmwareArguments(spec.firmware),
    ...diskArguments(spec.image, console),
    ...(spec.seed === undefined ? [] : seedArguments(spec.seed)),
    ...networkArguments(spec.network),
    ...consoleArguments(console),
  ];
}

/** graphics=off lets the BIOS and what prints through it write to the serial console. */
const MACHINES: Readonly<Record<GuestArch, string>> = { x86_64: 'q35', aarch64: 'virt' };

/**
 * `max` has what distributions built for x86-64-v2 and v3 need. Without five-level paging, since emulating it costs
 * and some kernels stumble over it; on arm64 with the quick pointer authentication, since the real one costs half the time.
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
 * With snapshot=on the image is opened for reading; QEMU unlinks the overlay, in TMPDIR, as soon as it has it open.
 * When there is no space for it, QEMU pauses the guest, which a check is told of; somebody at a terminal would see a
 * guest that hangs, so there the guest gets the error.
 */
function diskArguments({ path, format }: BootImage, { type }: ConsolePlace): string[] {
  const drive = `if=none,id=disk,format=${format},snapshot=on,discard=unmap,file=${escaped(path)}`;
  const onError = type === 'terminal' ? 'report' : 'enospc';
  return ['-drive', `${drive},werror=${onError}`, '-device', 'virtio-blk-pci,drive=disk,bootindex=0'];
}

function seedArguments(file: string): string[] {
  const drive = `if=none,id=seed,format=raw,readonly=on,file=${escaped(file)}`;
  return ['-drive', drive, '-device', 'virtio-blk-pci,drive=seed'];
}

function networkArguments(network: Network): string[] {
  if (network.type === 'none') return [];
  // Without its boot ROM: nobody boots from the network here.
  const card = ['-device', 'virtio-net-pci,netdev=net,romfile='];
  if (network.type === 'bridge') return ['-netdev', `bridge,id=net,br=${escaped(network.bridge)}`, ...card];
  const forwards = network.forwards.map(
    ({ address, hostPort, guestPort }) => `,hostfwd=tcp:${address}:${hostPort}-:${guestPort}`,
  );
  return ['-netdev', `user,id=net${forwards.join('')}`, ...card];
}

function consoleArguments(place: ConsolePlace): string[] {
  // signal=off: ^C belongs to the guest.
  if (place.type === 'terminal') {
    const mux = ['-chardev', 'stdio,id=console,mux=on,signal=off'];
    return [...mux, '-serial', 'chardev:console', '-mon', 'chardev=console'];
  }
  return [
    // A guest that reboots has failed: one that panics with panic=10 would do so for ever.
    '-no-reboot',
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=control,path=${place.control}`, '-mon', 'chardev=control,mode=control'],
    ...(place.agent === undefined ? [] : agentArguments(place.agent)),
  ];
}

function agentArguments(socket: string): string[] {
  return [
    ...['-chardev', `socket,id=agent,path=${socket}`],
    ...['-device', 'virtio-serial-pci', '-device', `virtserialport,chardev=agent,name=${AGENT_PORT}`],
  ];
}

/** A comma ends a value in QEMU's options, unless there are two. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}
