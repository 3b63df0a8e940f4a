// A shell in an image file, which need not be of a project: on an overlay that is discarded, or written to the image at the end.

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../../model/environment.ts';
import type { Emit } from '../../model/event.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Images, Workbench } from '../../model/ports/machine.ts';
import type { DiskImage } from '../../model/ports/viewer.ts';
import { makeDirectories } from '../../util/fs.ts';
import { quoteWord } from '../../util/quote.ts';
import { killedOnAbort } from '../run/run-directory.ts';
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

/** Where the changes for an image are until they are written to it: beside it, so that there is one such shell at a time. */
function changesOf({ file }: DiskImage): string {
  return `${file}.changes.qcow2`;
}

/**
 * Runs a shell in the system of an image. Returns its exit status. Fails as `work` when there is no system on the disk, as
 * `interrupted` on the signal, and as `host`: then the image is as it was. Writing the changes at the end is not
 * interrupted; should it fail, they stay beside the image, and the failure names them.
 * @param directory an empty directory, for the overlay of changes that are discarded
 */
export async function openImageShell(
  options: ImageShellOptions,
  { bench, directory, images }: { bench: Workbench; directory: string; images: Images },
): Promise<Result<number>> {
  const { image, write, signal } = options;
  const overlay = write ? changesOf(image) : path.join(directory, 'overlay.qcow2');
  if (write && existsSync(overlay)) return changesLeft(image, overlay);
  let isKept = false;
  try {
    const ended = await killedOnAbort(bench, signal, async () => {
      const created = await images.create(overlay, { backing: image.file, backingFormat: image.format });
      return created.ok ? await runShell(options, overlay, bench, directory) : created;
    });
    if (signal.aborted) return fail('interrupted', 'the shell was interrupted: the image is unchanged');
    if (!ended.ok || !write) return ended;
    const committed = await images.commit(overlay);
    if (committed.ok) return ended;
    isKept = true;
    const hint = `the changes are in ${overlay}; when the cause is gone: qemu-img commit ${quoteWord(overlay)}`;
    return { ok: false, failure: { ...committed.failure, hint } };
  } finally {
    if (!isKept) rmSync(overlay, { force: true });
  }
}

function changesLeft({ file }: DiskImage, overlay: string): Result<never> {
  return fail(
    'usage',
    'another shell is changing this image, or one ended before it could write its changes',
    {
      where: { file },
      hint: `the changes are in ${overlay}: write them with qemu-img commit, or remove that file`,
    },
  );
}

async function runShell(
  { image, write, argv, hasTerminal, environment, emit }: ImageShellOptions,
  overlay: string,
  bench: Workbench,
  directory: string,
): Promise<Result<number>> {
  const inputs = path.join(directory, 'inputs');
  makeDirectories(inputs);
  mkdirSync(path.join(directory, 'tmp'), { mode: 0o700 });
  const disk = await bench.attach(overlay);
  if (!disk.ok) return disk;
  const system = await bench.mount(disk.value, {
    partitionMounts: [],
    fstab: 'tried',
    acceptsErrors: true,
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
