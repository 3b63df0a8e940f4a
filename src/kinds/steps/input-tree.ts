// The files of a layer as its manifest has them: what patterns match, and all that a step which reads them can see of them.

import { createHash } from 'node:crypto';
import path from 'node:path';
import fastGlob, { type FileSystemAdapter } from 'fast-glob';
import { type ManifestEntry, manifestText, parseManifest } from '../../model/manifest.ts';
import type { LayerFile } from '../../steps/verb.ts';

type Entry = ManifestEntry | { readonly type: 'directory'; readonly path: '' };

/** More links than that are a ring. */
const MOST_LINKS = 40;

export class InputTree {
  /** The layer's own entries, by paths relative to the layer; '' is the layer. */
  readonly #own = new Map<string, Entry>([['', { type: 'directory', path: '' }]]);
  readonly #children = new Map<string, string[]>();
  /** What is mounted for every step. */
  readonly #mounted: readonly ManifestEntry[];
  readonly #all: readonly ManifestEntry[];
  #wholeDigest: string | undefined;

  /** @param manifest its text, see src/model/manifest.ts */
  constructor(manifest: string) {
    this.#all = parseManifest(manifest);
    this.#mounted = this.#all.filter((entry) => !entry.path.startsWith('./'));
    for (const entry of this.#all) {
      if (!entry.path.startsWith('./')) continue;
      const name = entry.path.slice(2);
      this.#own.set(name, entry);
      const parent = name.includes('/') ? path.posix.dirname(name) : '';
      this.#children.set(parent, [...(this.#children.get(parent) ?? []), path.posix.basename(name)]);
    }
  }

  /** The entries that patterns of fast-glob match, sorted, without those below a directory that is among them. */
  match(patterns: readonly string[]): readonly LayerFile[] {
    const found = new Set<string>();
    // A name may have characters that mean something in a pattern.
    for (const pattern of patterns) if (this.#own.has(plain(pattern))) found.add(plain(pattern));
    const matched = fastGlob.sync(patterns.map(plain).map(withoutBreaks), {
      cwd: '/',
      fs: this.#fileSystem(),
      dot: true,
      onlyFiles: false,
      followSymbolicLinks: false,
    });
    for (const name of matched) found.add(plain(withBreaks(name)));
    found.delete('');
    const names = [...found].toSorted();
    const whole = new Set(names.filter((name) => this.#own.get(name)?.type === 'directory'));
    return names
      .filter((name) => !parentsOf(name).some((parent) => whole.has(parent)))
      .map((name) => ({ path: name, type: typeOf(this.#own.get(name)) }));
  }

  /** The file, directory or link that a path leads to, with all links in it followed inside the layer; undefined if there is none. */
  resolve(name: string): { readonly path: string; readonly type: LayerFile['type'] } | undefined {
    const { at, seen } = this.#follow(name);
    return at === undefined ? undefined : { path: at, type: typeOf(seen.get(at)) };
  }

  /** A digest of all that a step can see which reads these: with what is in directories, and where links lead to. */
  digest(reads: readonly string[] | 'all'): string {
    if (reads !== 'all') return digestOf([...this.#mounted, ...this.#seen(reads)]);
    this.#wholeDigest ??= digestOf(this.#all);
    return this.#wholeDigest;
  }

  /** Whether a step which reads these sees an input of the layer. @param input its path in the manifest */
  sees(reads: readonly string[] | 'all', input: string): boolean {
    if (reads === 'all' || !input.startsWith('./')) return true;
    return this.#seen(reads).some((entry) => entry.path === input);
  }

  #seen(reads: readonly string[]): readonly ManifestEntry[] {
    const seen = new Map<string, Entry>();
    const add = (name: string) => {
      if (seen.has(name)) return;
      const followed = this.#follow(name);
      for (const [at, entry] of followed.seen) seen.set(at, entry);
      if (followed.at !== undefined) addBelow(followed.at);
    };
    const addBelow = (directory: string) => {
      for (const child of this.#children.get(directory) ?? []) add(joined(directory, child));
    };
    // A pattern does not match a path that leads through a link.
    for (const name of reads)
      for (const literal of [name, name.replaceAll(/\\(.)/g, '$1')]) add(plain(literal));
    for (const { path: name } of this.match(reads)) add(name);
    return [...seen.values()]
      .flatMap((entry) => (entry.path === '' ? [] : [entry]))
      .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Where a path leads to inside the layer, and all entries on the way. */
  #follow(name: string): { readonly at: string | undefined; readonly seen: ReadonlyMap<string, Entry> } {
    const seen = new Map<string, Entry>();
    const rest = name.split('/');
    let at = '';
    let links = 0;
    for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
      if (part === '' || part === '.') continue;
      if (part === '..' && at === '') return { at: undefined, seen };
      const next = part === '..' ? path.posix.dirname(`./${at}`).replace(/^\.\/?/, '') : joined(at, part);
      const entry = this.#own.get(next);
      if (!entry) return { at: undefined, seen };
      seen.set(next, entry);
      if (entry.type !== 'link') {
        at = next;
        continue;
      }
      links++;
      if (links > MOST_LINKS || entry.target.startsWith('/')) return { at: undefined, seen };
      rest.unshift(...entry.target.split('/'));
    }
    return { at, seen };
  }

  /** What fast-glob asks of a file system. */
  #fileSystem(): Partial<FileSystemAdapter> {
    const statOf = (file: string) => {
      const entry = this.#own.get(plain(withBreaks(file)));
      if (!entry) throw Object.assign(new Error(`${file} does not exist`), { code: 'ENOENT' });
      return described(path.posix.basename(file), entry);
    };
    const list = (given: string) => {
      const directory = plain(withBreaks(given));
      return (this.#children.get(directory) ?? []).map((name) =>
        described(withoutBreaks(name), this.#own.get(joined(directory, name))),
      );
    };
    // fast-glob reads nothing else of what these return.
    return {
      lstatSync: statOf,
      statSync: statOf,
      readdirSync: list,
    } as unknown as Partial<FileSystemAdapter>;
  }
}

function digestOf(entries: readonly ManifestEntry[]): string {
  return createHash('sha256').update(manifestText(entries)).digest('hex');
}

const none = () => false;

function described(name: string, entry: Entry | undefined) {
  const { type } = entry ?? { type: 'none' };
  return {
    name,
    isFile: () => type === 'file',
    isDirectory: () => type === 'directory',
    isSymbolicLink: () => type === 'link',
    isBlockDevice: none,
    isCharacterDevice: none,
    isFIFO: none,
    isSocket: none,
  };
}

function typeOf(entry: Entry | undefined): LayerFile['type'] {
  return entry?.type === 'link' ? 'symlink' : entry?.type === 'directory' ? 'directory' : 'file';
}

/** A path or a pattern without what does not matter. */
function plain(name: string): string {
  return name
    .replace(/^(?:\.?\/+)+/, '')
    .replace(/(?:\/+\.?)+$/, '')
    .replace(/^\.$/, '');
}

/** Line breaks, at which wildcards of fast-glob end, and noncharacters of Unicode, which no one has in a name. */
const BREAKS = ['\n', '\r', '\u2028', '\u2029'];
const IN_THEIR_PLACE = ['\ufdd0', '\ufdd1', '\ufdd2', '\ufdd3'];

/** A name or pattern as fast-glob sees it. */
function withoutBreaks(name: string): string {
  return name.replaceAll(/[\n\r\u2028\u2029]/g, (one) => IN_THEIR_PLACE[BREAKS.indexOf(one)] ?? one);
}

/** The inverse of {@link withoutBreaks}. */
function withBreaks(name: string): string {
  return name.replaceAll(/[\ufdd0-\ufdd3]/g, (one) => BREAKS[IN_THEIR_PLACE.indexOf(one)] ?? one);
}

function joined(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

function parentsOf(name: string): readonly string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}
