// The virtual machine of the vm backend: QEMU, started by an ordinary user, in which root shells run and to which disks are plugged.

import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Failure, fail, failAt, ok, type Result } from '../../model/failure.ts';
import { chooseAccelerator, lookAtKvm } from '../boot/qemu/accelerator.ts';
import { SANDBOX } from '../boot/qemu/arguments.ts';
import { type Listener, listenIn } from '../boot/qemu/sockets.ts';
import { type Child, lastLines, start } from '../process/run.ts';
import { checkSharing, SHARING } from './host-tools.ts';
import { writeInitramfs } from './initramfs.ts';
import { findKernel } from './kernel.ts';
import { NETWORK_CARD, networkFor } from './network.ts';
import { Qmp } from './qmp.ts';

/** The memory of a guest without another setting. */
export const DEFAULT_MEMORY_MIB = 2048;

export interface GuestOptions {
  /** Default 2048. */
  readonly memoryMiB?: number | undefined;
  /** Default 2. */
  readonly cpus?: number | undefined;
  /** The value of VLB_VM_KERNEL. */
  readonly kernel?: string | undefined;
  /** Whether it has the programs of this machine, if its kernel can: without 9p, it has the tools of each guest only. */
  readonly hasHostTools?: boolean | undefined;
}

export const QEMU = 'qemu-system-x86_64';

/** How long a guest may take to boot, seconds: an emulated processor on a busy machine takes ten. */
const BOOT_SECONDS = 180;
/** The end of the console that is kept, characters. */
const CONSOLE = 16 * 1024;
const CONSOLE_LINES = 20;
const LONGEST_LINE = 256;

export class Guest implements AsyncDisposable {
  readonly qmp: Qmp;
  /** For its sockets, and for files of this machine that are shown to it. */
  readonly directory: string;
  /** The resolv.conf of chroots in it. */
  readonly nameServers: string;
  readonly #child: Child;
  readonly #orders: Socket;
  readonly #listeners: readonly Listener[];
  readonly #ports = new Map<string, Listener>();
  readonly #agents = new Map<string, () => void>();
  readonly #console: () => string;
  #plugged = 0;
  #hasEnded = false;

  constructor(
    child: Child,
    qmp: Qmp,
    orders: Socket,
    nameServers: string,
    directory: string,
    listeners: readonly Listener[],
    console: () => string,
  ) {
    this.#child = child;
    this.qmp = qmp;
    this.#orders = orders;
    onLines(orders, (line) => {
      const name = line.replace(/^ended /, '');
      this.#agents.get(name)?.();
      this.#agents.delete(name);
    });
    this.nameServers = nameServers;
    this.directory = directory;
    this.#listeners = listeners;
    this.#console = console;
    void child.ended.then(() => {
      this.#hasEnded = true;
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ended(): Promise<unknown> {
    return this.#child.ended;
  }

  /** Why the guest is gone: a panic of its kernel, or the end of QEMU. */
  lastWords(): Failure {
    return endOf(this.#console());
  }

  /** The last lines of its console. */
  get consoleEnd(): readonly string[] {
    return lastLines(this.#console().replaceAll('\r', ''), CONSOLE_LINES);
  }

  /** A name for something that is plugged in, which nothing else has. */
  newName(kind: 'disk' | 'shell'): string {
    return `${kind}${++this.#plugged}`;
  }

  /** Plugs in a port. Returns the host's end of it. */
  async plugPort(name: string): Promise<Result<Socket>> {
    const listening = await listen(this.directory, name);
    if (!listening.ok) return listening;
    const listener = listening.value;
    this.#ports.set(name, listener);
    const backend = { type: 'socket', data: { addr: { type: 'unix', data: { path: name } }, server: false } };
    const added = await this.qmp.run('chardev-add', { id: name, backend });
    if (!added.ok) return added;
    const plugged = await this.qmp.run('device_add', {
      driver: 'virtserialport',
      id: `port-${name}`,
      chardev: name,
      name,
    });
    return plugged.ok ? ok(await listener.connection) : plugged;
  }

  /** Takes a port out again; a guest has room for thirty. */
  async unplugPort(name: string): Promise<void> {
    // Where QEMU has ended there is nothing to take out.
    const removed = await this.qmp.unplug(`port-${name}`);
    if (removed.ok) await this.qmp.run('chardev-remove', { id: name });
    await this.#ports.get(name)?.[Symbol.asyncDispose]();
    this.#ports.delete(name);
  }

  /** Has the guest start an agent on the two ports of a name. @param onEnd called if the agent ends */
  order(text: string, name: string, onEnd: () => void): void {
    this.#agents.set(name, onEnd);
    this.#orders.write(`${text}\n`);
  }

  /** Ends it at once. Nothing is lost: what is on its disks was written by QEMU when they were unplugged, or is not wanted. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#child.ended;
    for (const listener of [...this.#listeners, ...this.#ports.values()])
      await listener[Symbol.asyncDispose]();
  }
}

/**
 * Boots a guest. Fails as `host` when this machine lacks something, or with the last lines of the console when it does not come up.
 * @param directory for its sockets and its initramfs; nothing else is in it
 * @param signal ends the boot, which then fails as `interrupted`
 */
export async function startGuest(
  directory: string,
  options: GuestOptions = {},
  signal?: AbortSignal,
): Promise<Result<Guest>> {
  const { memoryMiB = DEFAULT_MEMORY_MIB, cpus = 2 } = options;
  const kernel = findKernel(options.kernel);
  if (!kernel.ok) return kernel;
  const chosen = chooseAccelerator('auto', lookAtKvm());
  if (!chosen.ok) return chosen;
  const { accelerator } = chosen.value;
  const initramfs = path.join(directory, 'initramfs');
  const hasHostTools = options.hasHostTools === true && checkSharing(kernel.value).ok;
  const written = await writeInitramfs(kernel.value, initramfs, {
    hasHostTools,
    ...(signal ? { signal } : {}),
  });
  if (!written.ok) return written;
  const listening = await listen(directory, 'control');
  if (!listening.ok) return listening;
  const control = listening.value;
  const listeningToo = await listen(directory, 'orders');
  if (!listeningToo.ok) {
    await control[Symbol.asyncDispose]();
    return listeningToo;
  }
  const orders = listeningToo.value;
  const args = [
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-sandbox', SANDBOX],
    ...['-machine', `pc,accel=${accelerator},usb=off,graphics=off`],
    ...['-cpu', accelerator === 'kvm' ? 'host' : 'max,la57=off'],
    ...['-smp', String(cpus), '-m', String(memoryMiB)],
    ...['-kernel', kernel.value.file, '-initrd', 'initramfs'],
    // An emulated timer on a busy machine may be too late for the kernel's check.
    ...['-append', 'console=ttyS0 quiet loglevel=4 panic=-1 no_timer_check'],
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci,id=ports'],
    ...NETWORK_CARD,
    ...(hasHostTools ? SHARING : []),
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...['-chardev', 'socket,id=control,path=control', '-mon', 'chardev=control,mode=control'],
    ...[
      '-chardev',
      'socket,id=orders,path=orders',
      '-device',
      'virtserialport,chardev=orders,name=vlb.orders',
    ],
  ];
  const network = await networkFor(QEMU, args);
  const child = await start(...network.command, { cwd: directory, detached: true });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-CONSOLE);
    });
  }
  const ended = child.ended.then(() => undefined);
  const onAbort = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted) onAbort();
  const sockets = await Promise.race([Promise.all([control.connection, orders.connection]), ended]);
  const stop = async () => {
    child.kill('SIGKILL');
    await child.ended;
    for (const listener of [control, orders]) await listener[Symbol.asyncDispose]();
    if (signal?.aborted) return fail('interrupted', 'the start of the virtual machine was interrupted');
    return { ok: false as const, failure: endOf(said) };
  };
  if (!sockets) return stop();
  const qmp = new Qmp(sockets[0]);
  const greeted = await qmp.run('qmp_capabilities');
  if (!greeted.ok) return stop();
  const ready = new Promise<true>((resolve) => {
    onLines(sockets[1], () => resolve(true));
  });
  const waited = new AbortController();
  const isReady = await Promise.race([
    ready,
    ended,
    sleep(BOOT_SECONDS * 1000, undefined, { signal: waited.signal }).catch(() => undefined),
  ]);
  waited.abort();
  signal?.removeEventListener('abort', onAbort);
  if (!isReady || signal?.aborted) return stop();
  rmSync(initramfs); // QEMU has read it
  return ok(new Guest(child, qmp, sockets[1], network.nameServers, directory, [control, orders], () => said));
}

/** Listens on a socket. Fails as `host`: a full disk has no room for its name either. */
async function listen(directory: string, name: string): Promise<Result<Listener>> {
  try {
    return ok(await listenIn(directory, name));
  } catch (error) {
    return failAt(path.join(directory, name), 'cannot create a socket', error);
  }
}

/** Calls for each line that comes. The guest may be hostile: of a longer one, the end is what counts. */
function onLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(-LONGEST_LINE);
    for (const line of lines) onLine(line);
  });
}

function endOf(console: string): Failure {
  const text = console.replaceAll('\r', '');
  const panic = text.indexOf('Kernel panic - not syncing');
  // A panic is followed by what the kernel was doing.
  const start = text.lastIndexOf('\n', panic) + 1;
  return panic < 0
    ? { kind: 'host', message: 'the virtual machine has ended', detail: lastLines(text, CONSOLE_LINES) }
    : {
        kind: 'host',
        message: 'the kernel of the virtual machine panicked',
        detail: text.slice(start).trimEnd().split('\n').slice(0, CONSOLE_LINES),
      };
}
