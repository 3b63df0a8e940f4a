// Makes the private copy of a layer's inputs that its script sees, and the manifest of exactly that copy.

import {
  chmodSync,
  constants,
  lutimesSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { copyFile as cloneFile, type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Staged } from '../../kinds/kind.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { ManifestEntry } from '../../model/manifest.ts';
import type { Layer } from '../../model/project.ts';
import { locateAtHint } from '../../project/inputs/bind-sources.ts';
import type { FileHasher } from '../../project/inputs/hash.ts';
import { manifestEntry, sortManifest, withRules } from '../../project/inputs/manifest.ts';
import { type OpenInput, openInput } from '../../project/inputs/open-input.ts';
import { type Input, type InputRoot, inputRoots, walkInputs } from '../../project/inputs/walk.ts';
import { systemError } from '../../util/errors.ts';

/** The timestamp of every staged file, seconds since 1970, and the SOURCE_DATE_EPOCH of every script: 2020-01-01. */
export const STAGED_TIME = 1_577_836_800;

/** Files up to this size are read once, hashed and written; larger ones are cloned where the file system can. */
const SMALL = 1 << 20;
const ZEROS = Buffer.alloc(SMALL);

/**
 * Copies a layer's inputs: modes 0644 or 0755 as in git, one fixed mtime. A later edit cannot be built under the old key,
 * since the copy is what is hashed.
 * @param directory an empty directory for the copies
 */
export async function stageInputs(
  layer: Layer,
  projectDirectory: string,
  directory: string,
  hasher: FileHasher,
  signal: AbortSignal,
): Promise<Result<Staged>> {
  const breathe = breather();
  const entries: ManifestEntry[] = [];
  const copies: { root: InputRoot; copy: string; type: 'file' | 'directory' }[] = [];
  const roots = withRules(inputRoots(layer), projectDirectory);
  if (!roots.ok) return roots;
  for (const [index, root] of roots.value.entries()) {
    const walked = await walkInputs(root);
    if (!walked.ok) return { ok: false, failure: locateAtHint(layer, walked.failure) };
    const inputs = walked.value.filter((met) => met.type !== 'ignored' && met.type !== 'root');
    const copy = path.join(directory, String(index));
    const isFile = inputs[0]?.path === root.label;
    try {
      if (!isFile) makeDirectory(copy);
      for (const input of inputs) {
        await breathe();
        if (signal.aborted) return fail('interrupted', 'copying the inputs was interrupted');
        const copied = await copyInput(
          input,
          `${copy}${input.path.slice(root.label.length)}`,
          hasher,
          signal,
        );
        if (!copied.ok) return copied;
        entries.push(copied.value);
      }
      // Last, since creating entries in a directory changes its mtime.
      for (const input of inputs) {
        if (input.type === 'directory') stamp(`${copy}${input.path.slice(root.label.length)}`);
      }
      if (!isFile) stamp(copy);
    } catch (error) {
      if (signal.aborted) return fail('interrupted', 'copying the inputs was interrupted');
      const { code, message } = systemError(error);
      return fail('host', `cannot copy the inputs of layer ${layer.name} (${code})`, {
        where: { file: root.source },
        detail: [message],
      });
    }
    copies.push({ root, copy, type: isFile ? 'file' : 'directory' });
  }
  const [own, ...binds] = copies;
  return ok({
    manifest: sortManifest(entries),
    inputs: own?.copy ?? directory,
    binds: binds.map(({ root, copy, type }) => ({ source: copy, target: root.label, type })),
  });
}

async function copyInput(
  input: Input,
  target: string,
  hasher: FileHasher,
  signal: AbortSignal,
): Promise<Result<ManifestEntry>> {
  switch (input.type) {
    case 'directory':
      makeDirectory(target);
      break;
    case 'link':
      symlinkSync(input.target, target);
      lutimesSync(target, STAGED_TIME, STAGED_TIME);
      break;
    case 'file': {
      const opened = openInput(input, 'file');
      if (!opened.ok) return opened;
      using file = opened.value;
      const hash = await copyFile(file, target, hasher, signal);
      chmodSync(target, (input.stat.mode & 0o100) === 0 ? 0o644 : 0o755);
      stamp(target);
      return ok(manifestEntry(input, hash));
    }
  }
  return ok(manifestEntry(input, ''));
}

function makeDirectory(target: string): void {
  mkdirSync(target);
  chmodSync(target, 0o755); // regardless of the umask
}

/** Copies a file and returns the hash of the copy. */
async function copyFile(
  file: OpenInput,
  target: string,
  hasher: FileHasher,
  signal: AbortSignal,
): Promise<string> {
  if (file.size > SMALL) return copyLarge(file.path, target, hasher, signal);
  const bytes = readFileSync(file.path);
  writeFileSync(target, bytes);
  return hasher.hashBytes(bytes);
}

/**
 * A clone where the file system supports it, otherwise a copy with holes for zeros; either way read once, in pieces, so
 * that it can be interrupted.
 */
async function copyLarge(
  source: string,
  target: string,
  hasher: FileHasher,
  signal: AbortSignal,
): Promise<string> {
  const hash = hasher.hashPieces();
  const cloned = await clone(source, target);
  await using from = await open(cloned ? target : source, 'r');
  await using to = cloned ? undefined : await open(target, 'w');
  const buffer = Buffer.allocUnsafe(SMALL);
  for (let at = 0; ; ) {
    signal.throwIfAborted();
    const { bytesRead } = await from.read(buffer, 0, SMALL, at);
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    if (to && !piece.equals(ZEROS.subarray(0, bytesRead))) await writeAll(to, piece, at);
    at += bytesRead;
    if (bytesRead > 0) continue;
    await to?.truncate(at);
    return hash.digest();
  }
}

/** On a full disk, the first call writes a part, and only the next one fails. */
async function writeAll(to: FileHandle, piece: Buffer, at: number): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    done += (await to.write(piece, done, piece.length - done, at + done)).bytesWritten;
  }
}

async function clone(source: string, target: string): Promise<boolean> {
  try {
    await cloneFile(source, target, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false; // not on this file system, or not to that one
  }
}

/** Yields to the event loop now and then, above all for ^C: the calls in this file are synchronous, being many and short. */
function breather(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < 50) return;
    await setImmediate();
    last = performance.now();
  };
}

function stamp(target: string): void {
  utimesSync(target, STAGED_TIME, STAGED_TIME);
}
