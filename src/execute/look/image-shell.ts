// A shell in an image file, which need not be of a project: on an overlay that is discarded, or written to the image at the end.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../../model/environment.ts';
import type { Emit } from '../../model/event.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Images, Workbench } from '../../model/ports/machine.ts';
import type { DiskImage } from '../../model/ports/viewer.ts';
import { scriptEnvironment } from '../run/task.ts';
import { shellArgv, terminalVariables } from './shell.ts';

export interface ImageShellOptions {
  readonly image: DiskImage;
  /** Whether what the shell changed is written to the image; otherwise it is discarded. */
  readonly write: boolean;
  /** The command to run instead of a shell; empty for a shell. */
  readonly argv: readonly string[];
  /** Whether vlb's own streams are a terminal, and so interactive. */
  readonly hasTerminal: boolean;
  readonly environment: Environment;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Runs a shell in the system of an image. Returns its exit status. Fails as `work` when there is no system on the disk, as
 * `interrupted` on the signal, and as `host`. After a failure the image is as it was.
 * @param directory an empty directory, in which the overlay grows
 */
export async function openImageShell(
  options: ImageShellOptions,
  { bench, directory, images }: { bench: Workbench; directory: string; images: Images },
): Promise<Result<number>> {
  const { image, write, signal } = options;
  const onAbort = () => bench.kill();
  signal.addEventListener('abort', onAbort);
  try {
    const overlay = path.join(directory, 'overlay.qcow2');
    const created = await images.create(overlay, { backing: image.file, backingFormat: image.format });
    if (!created.ok) return created;
    const ended = await runShell(options, overlay, bench, directory);
    if (signal.aborted) return fail('interrupted', 'the shell was interrupted: the image is unchanged');
    if (!ended.ok) return { ok: false, failure: await bench.explain(ended.failure) };
    if (!write) return ended;
    const committed = await images.commit(overlay, signal);
    return committed.ok ? ended : committed;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function runShell(
  { image, write, argv, hasTerminal, environment, emit }: ImageShellOptions,
  overlay: string,
  bench: Workbench,
  directory: string,
): Promise<Result<number>> {
  const inputs = path.join(directory, 'inputs');
  mkdirSync(inputs, { recursive: true });
  mkdirSync(path.join(directory, 'tmp'), { mode: 0o700 });
  const disk = await bench.attach(overlay);
  if (!disk.ok) return disk;
  const system = await bench.mount(disk.value, {
    partitionMounts: [],
    fstab: 'tried',
    onNote: (message) => emit({ type: 'note', message }),
    whereOf: () => ({ file: image.file }),
  });
  if (!system.ok) return system;
  const name = path.basename(image.file);
  const fate = write ? 'changes are written to it at the end' : 'changes are discarded';
  if (hasTerminal && argv.length === 0) {
    emit({ type: 'note', message: `this is ${name}; leave with "exit" or ^D: all ${fate}` });
  }
  const ended = await bench.runInChroot(system.value, {
    inputs,
    binds: [],
    environment: {
      ...scriptEnvironment(environment.variables, 'image'),
      ...terminalVariables(hasTerminal, environment),
    },
    secrets: [],
    noNetwork: false,
    argv: shellArgv(`[${name}: ${fate}] # `, argv),
    streams: hasTerminal ? 'terminal' : 'own',
  });
  if (!ended.ok || !write) return ended;
  const unmounted = await bench.unmount(system.value);
  if (!unmounted.ok) return unmounted;
  const detached = await bench.detach(disk.value);
  return detached.ok ? ok(ended.value) : detached;
}
