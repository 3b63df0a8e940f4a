// Brings a base image into the store: fetched or read, checked against its sha256, unpacked, as one qcow2 artifact.

import { createHash } from 'node:crypto';
import { closeSync, createReadStream, createWriteStream, openSync, readSync, rmSync } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { BuildRecord } from '../model/artifact.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import { BASE_NAME } from '../model/graph.ts';
import type { Base } from '../model/layer.ts';
import type { Draft } from '../model/store.ts';
import { baseRecipe, keyOf } from '../plan/key.ts';
import { fileContent } from '../project/base.ts';
import type { Context } from './context.ts';
import { explainFullDisk } from './space.ts';

/** The first bytes of the packings that are undone (RFC 1952; RFC 8878; the .xz format's section 2.1.1.1). */
const PACKINGS = [
  { name: 'gz', magic: '1f8b' },
  { name: 'zst', magic: '28b52ffd' },
  { name: 'xz', magic: 'fd377a585a00' },
] as const;

/**
 * Imports a base and commits it under the key of what was imported: a file may have changed since `recipe` was made.
 * Fails as `usage` when the file is missing, is no disk, or its sha256 is not the one asked for.
 */
export async function importBase(base: Base, recipe: string, context: Context): Promise<Result<BuildRecord>> {
  const startedAt = performance.now();
  const drafted = await context.store.draft();
  if (!drafted.ok) return drafted;
  await using draft = drafted.value;
  const copies = [`${draft.path}.base`, `${draft.path}.unpacked`] as const;
  try {
    const made = await makeDisk(base, draft, copies, context);
    if (context.signal.aborted) return fail('interrupted', 'importing the base was interrupted');
    if (!made.ok) return { ok: false, failure: explainFullDisk(made.failure, context) };
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
  context: Context,
): Promise<Result<Hashes>> {
  const name = base.type === 'url' ? base.url : base.path;
  try {
    const hashes = await fetchTo(base, fetched, context);
    if (!hashes.ok) return hashes;
    const { sha256 } = hashes.value;
    if (base.sha256 !== undefined && sha256 !== base.sha256) {
      return fail('usage', `the base image ${name} has another sha256 than vlb.yaml says`, {
        detail: [`wanted ${base.sha256}`, `found  ${sha256}`],
        hint: 'if the image was changed on purpose, put the new sha256 there; if not, do not use it',
      });
    }
    const packing = packingOf(fetched);
    if (packing !== undefined) {
      const done = await unpack(fetched, packing, unpacked, context);
      if (!done.ok) return done;
    }
    const made = await toQcow2(packing === undefined ? fetched : unpacked, name, draft.path, context);
    return made.ok ? hashes : made;
  } catch (error) {
    if (context.signal.aborted) return fail('interrupted', 'interrupted');
    const { message } = error as Error; // streams and fetch throw nothing else
    return fail('host', `the base image ${name} cannot be brought in: ${message}`);
  }
}

interface Hashes {
  readonly sha256: string;
  readonly xxh64: string;
}

/** Copies the base to a file of ours, so that what is hashed is what is used. */
async function fetchTo(base: Base, target: string, { hasher, signal }: Context): Promise<Result<Hashes>> {
  const source = base.type === 'url' ? await download(base.url, signal) : ok(createReadStream(base.path));
  if (!source.ok) return source;
  const sha256 = createHash('sha256');
  const xxh64 = hasher.hashPieces();
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

async function download(url: string, signal: AbortSignal): Promise<Result<Readable>> {
  const response = await fetch(url, { signal }).catch((error: Error) => error);
  if (response instanceof Error) {
    const cause = response.cause instanceof Error ? response.cause.message : response.message;
    return fail('host', `the base image cannot be fetched: ${cause}`, { where: { file: url } });
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel(); // or the connection would keep vlb from ending
    return fail('usage', `the base image cannot be fetched: ${response.status} ${response.statusText}`, {
      where: { file: url },
    });
  }
  return ok(Readable.fromWeb(response.body));
}

function packingOf(file: string): (typeof PACKINGS)[number]['name'] | undefined {
  const head = Buffer.alloc(6);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, 6, 0);
  } finally {
    closeSync(descriptor);
  }
  return PACKINGS.find(({ magic }) => head.toString('hex').startsWith(magic))?.name;
}

async function unpack(
  file: string,
  packing: (typeof PACKINGS)[number]['name'],
  target: string,
  { host, signal }: Context,
): Promise<Result<void>> {
  switch (packing) {
    case 'gz':
      await pipeline(createReadStream(file), createGunzip(), createWriteStream(target), { signal });
      return ok();
    case 'zst':
      await pipeline(createReadStream(file), createZstdDecompress(), createWriteStream(target), { signal });
      return ok();
    case 'xz':
      return host.unpackXz(file, target, signal);
  }
}

async function toQcow2(
  file: string,
  name: string,
  target: string,
  { host, signal }: Context,
): Promise<Result<void>> {
  const info = await host.images.info(file);
  if (!info.ok) return info;
  const { format, backing, externalData } = info.value;
  if (format !== 'qcow2' && format !== 'raw') {
    return fail('usage', `the base image ${name} is in the format ${format}`, {
      hint: `make a qcow2 of it: qemu-img convert -O qcow2 IMAGE base.qcow2`,
    });
  }
  if (backing !== undefined || externalData) {
    return fail(
      'usage',
      `the base image ${name} is not whole: it stands on ${backing ?? 'an external data file'}`,
      {
        hint: `flatten it: qemu-img convert -O qcow2 IMAGE base.qcow2`,
      },
    );
  }
  return host.images.convert(file, format, target, signal);
}
