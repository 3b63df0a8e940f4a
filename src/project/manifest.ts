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
            index.hash(nameInIndex(file, projectDirectory), stat, () => hasher.hashFile(file)),
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

/** Relative, so that the project can be moved; computed the short way for the many files that lie inside. */
function nameInIndex(file: string, projectDirectory: string): string {
  return file.startsWith(`${projectDirectory}/`)
    ? file.slice(projectDirectory.length + 1)
    : path.relative(projectDirectory, file);
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
  // The order of UTF-16 is the one of the bytes unless there are surrogates, and it costs a tenth.
  return entries.some((entry) => /[\ud800-\udfff]/.test(entry.path))
    ? entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
    : entries.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
