// Makes the manifest of a layer's inputs, from disk through the stat index.

import path from 'node:path';
import { fail, ok, type Result } from '../model/failure.ts';
import type { Layer } from '../model/layer.ts';
import type { Manifest, ManifestEntry } from '../model/manifest.ts';
import type { FileHasher } from './hash.ts';
import { type Input, inputRoots, walkInputs } from './inputs.ts';
import type { StatIndex } from './stat-index.ts';

/**
 * The manifest of a layer as its files are now.
 * Fails as `usage` when something in it cannot be an input.
 */
export function readManifest(
  layer: Layer,
  projectDirectory: string,
  index: StatIndex,
  hasher: FileHasher,
): Result<Manifest> {
  const entries: ManifestEntry[] = [];
  for (const root of inputRoots(layer)) {
    const inputs = walkInputs(root);
    if (!inputs.ok) return inputs;
    for (const input of inputs.value) {
      try {
        entries.push(
          manifestEntry(input, (file, stat) =>
            index.hash(path.relative(projectDirectory, file), stat, () => hasher.hashFile(file)),
          ),
        );
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException; // node's fs throws nothing else
        return fail('usage', `this input cannot be read (${code})`, { where: { file: input.source } });
      }
    }
  }
  return ok(sortManifest(entries));
}

/** One entry; `hash` is asked for the content of files only. */
export function manifestEntry(
  input: Input,
  hash: (source: string, stat: Extract<Input, { type: 'file' }>['stat']) => string,
): ManifestEntry {
  switch (input.type) {
    case 'file': {
      // The owner's bit alone, as git has it: umasks differ, what the script sees does not.
      const executable = (input.stat.mode & 0o100n) !== 0n;
      return { type: 'file', path: input.path, executable, hash: hash(input.source, input.stat) };
    }
    case 'link':
      return { type: 'link', path: input.path, target: input.target };
    case 'directory':
      return { type: 'directory', path: input.path };
  }
}

/** Sorted by the bytes of the paths, whatever the locale. */
export function sortManifest(entries: ManifestEntry[]): Manifest {
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}
