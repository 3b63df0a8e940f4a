// Creates the manifest of a layer's inputs, reading only files that changed since the stat index was written.

import { lstatSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { type Manifest, type ManifestEntry, manifestText } from '../../model/manifest.ts';
import { type Layer, scriptFile, scriptName } from '../../model/project.ts';
import { shownPath } from '../../util/shown-path.ts';
import type { FileHasher, LoadHasher } from './hash.ts';
import { BUILT_IN_RULES, IGNORE_FILE, type IgnoreRules, rulesIn, rulesText } from './ignore.ts';
import { openInput } from './open-input.ts';
import { unreadable } from './read-file.ts';
import { type FoundInput, isSameStat, modeAt, type Remembered, type StatIndex } from './stat-index.ts';
import {
  type FileInput,
  type Input,
  type InputRoot,
  inputRoots,
  type WalkEntry,
  walkInputs,
} from './walk.ts';

/** Creates the manifests of one project's layers. */
export interface ManifestReader {
  /**
   * The text of a layer's current manifest.
   * Fails as `usage` when something in the layer cannot be an input.
   */
  read(layer: Layer): Promise<Result<string>>;
}

export function createManifestReader(
  projectDirectory: string,
  index: StatIndex,
  loadHasher: LoadHasher,
): ManifestReader {
  const known = new Map<string, IgnoreRules>();
  return {
    async read(layer) {
      const ruled = withRules(inputRoots(layer), projectDirectory, known);
      if (!ruled.ok) return ruled;
      const roots = ruled.value;
      const origin = originOf(roots, projectDirectory);
      const remembered = index.recall(layer.name, origin);
      if (remembered && isUnchanged(roots, remembered)) {
        index.keep(layer.name);
        return ok(remembered.text);
      }
      const { now } = index; // taken before anything is read
      const inputs = await walkAll(roots);
      if (!inputs.ok) return inputs;
      const isIgnored = inputs.value.all.some(
        (input) => input.type === 'ignored' && input.path === `./${scriptName(layer)}`,
      );
      if (isIgnored && !layer.steps) {
        return fail('usage', `${IGNORE_FILE} excludes the script of layer ${layer.name}`, {
          where: { file: scriptFile(layer) },
          hint: `add an exception to it: !${scriptName(layer)}`,
        });
      }
      const text = textOf(inputs.value.all, rememberedFiles(roots, remembered), await loadHasher());
      if (text.ok) index.remember(layer.name, origin, inputs.value.found, text.value, now);
      return text;
    },
  };
}

/** Each root with the rules of the directories above it; its own rules are read during the walk. Fails as `rulesIn` does. */
export function withRules(
  roots: readonly Omit<InputRoot, 'rules'>[],
  projectDirectory: string,
  known = new Map<string, IgnoreRules>(),
): Result<readonly InputRoot[]> {
  const withThem: InputRoot[] = [];
  for (const root of roots) {
    const rules = rulesIn(path.dirname(root.source), projectDirectory, known);
    if (!rules.ok) return rules;
    withThem.push({ ...root, rules: rules.value });
  }
  return ok(withThem);
}

/** The manifest entry of an input; `hash` is the hash of a file's content and not used otherwise. */
export function manifestEntry(input: Input, hash: string): ManifestEntry {
  switch (input.type) {
    case 'file': {
      // Only the owner's bit, as in git: umasks differ between machines.
      const executable = (input.stat.mode & 0o100) !== 0;
      return { type: 'file', path: input.path, executable, hash };
    }
    case 'link':
      return { type: 'link', path: input.path, target: input.target };
    case 'directory':
      return { type: 'directory', path: input.path };
  }
}

/** Sorted by the bytes of the paths, whatever the locale. */
export function sortManifest(entries: ManifestEntry[]): Manifest {
  // UTF-16 order equals byte order unless there are surrogates, and comparing strings is ten times faster.
  return entries.some((entry) => /[\ud800-\udfff]/.test(entry.path))
    ? entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
    : entries.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** Identifies the roots of a manifest and their ignore rules. Paths are relative, so that the project can be moved. */
function originOf(roots: readonly InputRoot[], projectDirectory: string): string {
  const places = roots.map(({ source, label, rules, hidden }) => [
    relativeTo(projectDirectory, source),
    label,
    rulesText(rules, projectDirectory),
    ...(hidden ?? []),
  ]);
  return JSON.stringify([BUILT_IN_RULES, ...places]);
}

/** path.relative() with a fast path for files inside the directory. */
function relativeTo(directory: string, file: string): string {
  return file.startsWith(`${directory}/`) ? file.slice(directory.length + 1) : path.relative(directory, file);
}

/**
 * Whether a walk would find the same as last time. Directories are not listed: adding or removing an entry changes the
 * directory's own times, which are compared like those of a file.
 */
function isUnchanged(roots: readonly InputRoot[], { paths, stats }: Remembered): boolean {
  let next = 0;
  let source = '';
  // A plain loop without iterators: it runs once per file of the project, before V8 has compiled any of it.
  for (let at = 0; at < paths.length; at++) {
    const below = paths[at] ?? '';
    // Relative where it is inside the working directory: each leading directory costs a tenth of an lstat.
    if (below === '') source = shownPath(roots[next++]?.source ?? '');
    if (modeAt(stats, at) === 0) continue; // ignored
    // The root itself may be a symbolic link.
    const stat = below === '' ? statSync(source, NO_THROW) : lstatSync(source + below, NO_THROW);
    if (!stat || !isSameStat(stats, at, stat)) return false;
  }
  return next === roots.length;
}

const NO_THROW = { throwIfNoEntry: false } as const;

interface Walked {
  readonly all: readonly WalkEntry[];
  /** The same with paths relative to their roots; an empty path starts the next root. */
  readonly found: readonly FoundInput[];
}

async function walkAll(roots: readonly InputRoot[]): Promise<Result<Walked>> {
  const all: WalkEntry[] = [];
  const found: FoundInput[] = [];
  for (const root of roots) {
    const inputs = await walkInputs(root);
    if (!inputs.ok) return inputs;
    for (const entry of inputs.value) {
      all.push(entry);
      found.push({ path: entry.path.slice(root.label.length), stat: entry.stat });
    }
  }
  return ok({ all, found });
}

function textOf(
  inputs: readonly WalkEntry[],
  known: ReadonlyMap<string, KnownFile>,
  hasher: FileHasher,
): Result<string> {
  const entries: ManifestEntry[] = [];
  for (const input of inputs) {
    if (input.type === 'ignored' || input.type === 'root') continue;
    const hash = input.type === 'file' ? hashOf(input, known.get(input.path), hasher) : ok('');
    if (!hash.ok) return hash;
    entries.push(manifestEntry(input, hash.value));
  }
  return ok(manifestText(sortManifest(entries)));
}

function hashOf(input: FileInput, before: KnownFile | undefined, hasher: FileHasher): Result<string> {
  if (before?.isSame(input.stat)) return ok(before.hash);
  const opened = openInput(input, 'file');
  if (!opened.ok) return opened;
  using file = opened.value;
  try {
    return ok(hasher.hashFile(file.path));
  } catch (error) {
    return unreadable('this input', input.source, error);
  }
}

interface KnownFile {
  readonly hash: string;
  isSame(stat: Stats): boolean;
}

/** The remembered hash of each file, by its path in the manifest. */
function rememberedFiles(
  roots: readonly InputRoot[],
  remembered: Remembered | undefined,
): ReadonlyMap<string, KnownFile> {
  const files = new Map<string, KnownFile>();
  if (!remembered) return files;
  const { paths, stats, text } = remembered;
  const places = new Map<string, number>();
  let next = 0;
  let label = '';
  for (const [at, below] of paths.entries()) {
    if (below === '') label = roots[next++]?.label ?? '';
    places.set(label + below, at);
  }
  for (const [, hash = '', json = ''] of text.matchAll(/^file [x-] ([0-9a-f]{16}) (".*")$/gm)) {
    const name = String(JSON.parse(json));
    const at = places.get(name);
    if (at !== undefined) files.set(name, { hash, isSame: (stat) => isSameStat(stats, at, stat) });
  }
  return files;
}
