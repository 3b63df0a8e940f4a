// Imports a base image into the store: downloaded or read, checked against its sha256, unpacked, as one qcow2 artifact.

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BuildRecord } from '../../model/artifact.ts';
import type { Environment } from '../../model/environment.ts';
import type { Emit } from '../../model/event.ts';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { BASE_NAME } from '../../model/graph.ts';
import type { Host } from '../../model/ports/machine.ts';
import type { Draft, Store } from '../../model/ports/store.ts';
import type { Base } from '../../model/project.ts';
import { keyOf } from '../../model/recipe.ts';
import type { LoadHasher } from '../../project/inputs/hash.ts';
import { systemError } from '../../util/errors.ts';
import { baseRecipe, fileContent } from './content.ts';
import { DownloadError, download, withoutPassword } from './download.ts';
import { unpack } from './unpack.ts';

export interface ImportContext {
  readonly host: Host;
  readonly store: Store;
  readonly loadHasher: LoadHasher;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly environment: Environment;
  /** The failure with its cause, where that is a full disk: called while the files still exist. */
  explain(failure: Failure): Failure;
}

/**
 * Imports a base and commits it under the key of what was imported: a file may have changed since `recipe` was made.
 * Fails as `usage` when the file is missing, truncated or not a disk image, or when its sha256 is not the one in vlb.yaml.
 */
export async function importBase(
  base: Base,
  recipe: string,
  context: ImportContext,
): Promise<Result<BuildRecord>> {
  const startedAt = performance.now();
  const drafted = await context.store.draft();
  if (!drafted.ok) return drafted;
  await using draft = drafted.value;
  const copies = [`${draft.path}.base`, `${draft.path}.unpacked`] as const;
  try {
    const made = await makeDisk(base, draft, copies, context);
    if (context.signal.aborted) return fail('interrupted', 'importing the base was interrupted');
    if (!made.ok) return { ok: false, failure: context.explain(made.failure) };
    const imported = base.type === 'url' ? recipe : baseRecipe(fileContent(made.value.xxh64, base.sha256));
    return await draft.commit({
      key: keyOf(imported),
      layer: BASE_NAME,
      parent: null,
      recipe: imported,
      keeping: 'cached',
      startedAt,
      signal: context.signal,
    });
  } finally {
    for (const copy of copies) rmSync(copy, { force: true });
  }
}

async function makeDisk(
  base: Base,
  draft: Draft,
  [fetched, unpacked]: readonly [string, string],
  context: ImportContext,
): Promise<Result<Hashes>> {
  const name = base.type === 'url' ? withoutPassword(base.url) : base.path;
  try {
    const hashes = await fetchTo(base, fetched, context);
    if (!hashes.ok) return hashes;
    const { sha256 } = hashes.value;
    if (base.sha256 !== undefined && sha256 !== base.sha256) {
      return fail('usage', `the sha256 of the base image ${name} is not the one in vlb.yaml`, {
        detail: [`expected ${base.sha256}`, `actual   ${sha256}`],
        hint: 'update base.sha256 in vlb.yaml if the image was changed on purpose; otherwise do not use it',
      });
    }
    const disk = await unpack(fetched, unpacked, context);
    if (!disk.ok) return asDamaged(disk.failure, name);
    const made = await toQcow2(disk.value, name, draft.path, context);
    return made.ok ? hashes : made;
  } catch (error) {
    if (context.signal.aborted) return fail('interrupted', 'interrupted');
    if (error instanceof DownloadError) return { ok: false, failure: error.failure };
    const { code, message } = systemError(error);
    if (/^(Z_|ZSTD_)/.test(code ?? '')) return damaged(name, message);
    return fail('host', `cannot import the base image ${name}: ${message}`);
  }
}

interface Hashes {
  readonly sha256: string;
  readonly xxh64: string;
}

/** Copies the base to a private file, so that what is hashed is what is used. */
async function fetchTo(base: Base, target: string, context: ImportContext): Promise<Result<Hashes>> {
  const { signal } = context;
  const source =
    base.type === 'url'
      ? await download(base.url, {
          signal,
          variables: context.environment.variables,
          onProgress: progressEmitter(context),
        })
      : ok(createReadStream(base.path));
  if (!source.ok) return source;
  const sha256 = createHash('sha256');
  const xxh64 = (await context.loadHasher()).hashPieces();
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      sha256.update(chunk);
      xxh64.update(chunk);
      done(undefined, chunk);
    },
  });
  await pipeline(source.value, hashing, createWriteStream(target), { signal });
  return ok({ sha256: sha256.digest('hex'), xxh64: xxh64.digest() });
}

/** Emits the progress of a download once a second; a small one ends before that. */
function progressEmitter({ emit }: ImportContext): (bytes: number, total: number | undefined) => void {
  let emittedAt = performance.now();
  return (bytes, total) => {
    if (performance.now() - emittedAt < 1000) return;
    emittedAt = performance.now();
    emit({ type: 'progress', layer: BASE_NAME, bytes, ...(total === undefined ? {} : { total }) });
  };
}

async function toQcow2(
  file: string,
  name: string,
  target: string,
  { host, signal }: ImportContext,
): Promise<Result<void>> {
  if (statSync(file).size === 0) return damaged(name, 'it is empty');
  const info = await host.images.info(file);
  if (!info.ok) return asDamaged(info.failure, name);
  const { format, backing, externalData } = info.value;
  if (format !== 'qcow2' && format !== 'raw') {
    return fail('usage', `the base image ${name} has the unsupported format ${format}`, {
      hint: 'convert it: qemu-img convert -O qcow2 IMAGE base.qcow2',
    });
  }
  if (backing !== undefined || externalData) {
    return fail(
      'usage',
      `the base image ${name} is incomplete: it refers to ${backing === undefined ? 'an external data file' : `the backing file ${backing}`}`,
      {
        hint: 'flatten it: qemu-img convert -O qcow2 IMAGE base.qcow2',
      },
    );
  }
  // QEMU reads zeros beyond the end of a file: it would accept a truncated qcow2.
  const whole = format === 'raw' ? ok(true) : await host.images.isConsistent(file, signal);
  if (!whole.ok) return whole;
  if (!whole.value) return damaged(name, 'it refers to data beyond its end');
  const converted = await host.images.convert(file, format, target, signal);
  return converted.ok ? converted : asDamaged(converted.failure, name);
}

function damaged(name: string, why: string): ReturnType<typeof fail> {
  return fail('usage', `the base image ${name} is truncated or damaged: ${why}`, {
    hint: 'download it again; set base.sha256 in vlb.yaml to detect bad downloads early',
  });
}

/** The error output of a tool describes the file; a missing tool has no output. */
function asDamaged(failure: Failure, name: string): ReturnType<typeof fail> {
  const said = failure.detail?.at(-1);
  if (said === undefined || /No space left|quota/.test(said)) return { ok: false, failure };
  return damaged(name, said.slice(said.lastIndexOf(': ') + 2));
}
