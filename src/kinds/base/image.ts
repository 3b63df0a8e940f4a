// Imports a base image into the store: downloaded or read, checked against its sha256, unpacked, as one qcow2 artifact.

import { createHash } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BuildRecord } from '../../model/artifact.ts';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type { ForeignFile } from '../../model/ports/machine.ts';
import type { Draft } from '../../model/ports/store.ts';
import type { ChecksumList, Digests, Growth } from '../../model/project.ts';
import { keyOf } from '../../model/recipe.ts';
import { systemError } from '../../util/errors.ts';
import type { BaseRun } from '../kind.ts';
import { DownloadError } from './download.ts';
import { grow } from './grow.ts';
import { shownPlace } from './place.ts';
import { damaged, encrypted, incomplete, notADisk, type Packing } from './troubles.ts';
import { unpack } from './unpack.ts';

/** Where a file comes from. */
export interface FileSource {
  /** Its name for users: a path, or a URL without a password. */
  readonly place: string;
  /** What it is, for failures; default the base image. */
  readonly what?: string;
  /** The field of vlb.yaml that its digests belong to; default `base`. */
  readonly field?: string;
  /** What its bytes must have. */
  readonly digests: Digests;
  /** Where the digests are from, if not from vlb.yaml. */
  readonly checksums?: ChecksumList;
  /** Its bytes. */
  open(): Promise<Result<AsyncIterable<Buffer>>>;
}

/** Where an image comes from. */
export interface ImageSource extends FileSource {
  readonly growth?: Growth;
  /** The recipe of importing what was read, from its xxHash64. */
  recipeOf(hash: string): string;
}

/** Imports an image and commits it. Fails as `BaseKind.import` does. */
export async function importImage(source: ImageSource, run: BaseRun): Promise<Result<BuildRecord>> {
  const { name, store, signal } = run;
  const startedAt = performance.now();
  const drafted = await store.draft();
  if (!drafted.ok) return drafted;
  await using draft = drafted.value;
  const copy = (what: string) => `${draft.path}.${what}`;
  const copies = [copy('base'), copy('unpacked'), copy('member'), copy('disk')] as const;
  try {
    const made = await makeDisk(source, draft, copies, run);
    if (signal.aborted) return fail('interrupted', 'importing the base was interrupted');
    if (!made.ok) return { ok: false, failure: run.explain(made.failure) };
    const recipe = source.recipeOf(made.value);
    const about = { key: keyOf(recipe), layer: name, parent: null, recipe, keeping: 'cached' } as const;
    return await draft.commit({ ...about, startedAt, signal });
  } finally {
    for (const copy of copies) rmSync(copy, { force: true });
  }
}

async function makeDisk(
  source: ImageSource,
  draft: Draft,
  [fetched, ...copies]: readonly [string, string, string, string],
  run: BaseRun,
): Promise<Result<string>> {
  const name = source.place;
  try {
    const hash = await fetchTo(source, fetched, run);
    if (!hash.ok) return hash;
    const disk = await unpack(fetched, copies, { ...run, name });
    if (!disk.ok) return asDamaged(disk.failure, name);
    const packing = disk.value === fetched ? 'none' : disk.value === copies[0] ? 'compressed' : 'archive';
    const made = await toQcow2({ file: disk.value, name, packing }, draft.path, run);
    if (!made.ok) return made;
    const grown = source.growth ? await grow(draft.path, source.growth, name, run) : ok();
    return grown.ok ? hash : grown;
  } catch (error) {
    if (run.signal.aborted) return fail('interrupted', 'interrupted');
    if (error instanceof DownloadError) return { ok: false, failure: error.failure };
    const { code, message } = systemError(error);
    if (/^(Z_|ZSTD_)/.test(code ?? '')) return damaged(name, message);
    return fail('host', `cannot import the base image ${name}: ${message}`);
  }
}

/**
 * Copies a file to a private one, so that what is hashed is what is used. Returns its xxHash64; fails as `usage` when it
 * does not have its digests.
 */
export async function fetchTo(source: FileSource, target: string, run: BaseRun): Promise<Result<string>> {
  const pieces = await source.open();
  if (!pieces.ok) return pieces;
  const expected = Object.entries(source.digests).map(([name, digest]) => ({
    name,
    digest,
    hash: createHash(name),
  }));
  const xxh64 = (await run.loadHasher()).hashPieces();
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      for (const { hash } of expected) hash.update(chunk);
      xxh64.update(chunk);
      done(undefined, chunk);
    },
  });
  await pipeline(pieces.value, hashing, run.host.images.write(target), { signal: run.signal });
  for (const { name, digest, hash } of expected) {
    const actual = hash.digest('hex');
    if (actual !== digest) {
      return mismatch(source, name, [digest, actual], run.host.images.recognize(target).foreign);
    }
  }
  return ok(xxh64.digest());
}

function mismatch(
  { place, what = 'the base image', field = 'base', checksums }: FileSource,
  name: string,
  [expected, actual]: readonly [string, string],
  foreign: ForeignFile | undefined,
) {
  const detail = [
    `expected ${expected}`,
    `actual   ${actual}`,
    ...(foreign ? [`it is ${foreign.what}`] : []),
  ];
  const from = checksums ? shownPlace(checksums.source) : 'vlb.yaml';
  const hint = checksums
    ? 'read the checksums again: vlb build --force=base; if they differ then, do not use the image'
    : `update ${field}.${name} in vlb.yaml if it was changed on purpose; otherwise do not use it`;
  return fail('usage', `the ${name} of ${what} ${place} is not the one in ${from}`, {
    detail,
    hint: foreign?.hint ?? hint,
  });
}

const BEYOND = 'it refers to data beyond its end';

async function toQcow2(
  { file, name, packing }: { readonly file: string; readonly name: string; readonly packing: Packing },
  target: string,
  { host, signal }: BaseRun,
): Promise<Result<void>> {
  if (statSync(file).size === 0) return damaged(name, 'it is empty');
  const { format, missing, isTruncated, foreign } = host.images.recognize(file);
  if (missing !== undefined) return incomplete(name, missing);
  if (format === 'luks') return encrypted(name);
  if (foreign) return notADisk(name, foreign, packing);
  if (isTruncated) return damaged(name, BEYOND);
  const info = await host.images.info(file, format);
  if (!info.ok) return asDamaged(info.failure, name);
  const { backing } = info.value;
  if (backing !== undefined) return incomplete(name, `the backing file ${backing}`);
  if (info.value.encrypted) return encrypted(name);
  // QEMU reads zeros beyond the end of a file: it would accept a truncated qcow2.
  const whole = await host.images.isConsistent(file, format, signal);
  if (!whole.ok) return whole;
  if (!whole.value) return damaged(name, BEYOND);
  const converted = await host.images.convert(file, format, target, signal);
  return converted.ok ? converted : asDamaged(converted.failure, name);
}

/** The error output of a tool describes the file; a missing tool has no output. */
function asDamaged(failure: Failure, name: string): ReturnType<typeof fail> {
  const said = failure.detail?.at(-1);
  if (failure.kind !== 'host' || said === undefined || /No space left|quota/.test(said)) {
    return { ok: false, failure };
  }
  if (/password/.test(said)) return encrypted(name);
  return damaged(name, said.replace(/^.*: /, ''));
}
