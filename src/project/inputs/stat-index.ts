// The stat index: remembers the stats of a layer's inputs and the manifest made from them, so that a manifest whose inputs
// are unchanged is reused. Losing or damaging the index costs time, never correctness.

import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, type Stats, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { attempt } from '../../util/errors.ts';

/** In milliseconds: a file younger than this when it was hashed may change again without a new time stamp. */
const RACY = 2000;

/**
 * The number of fields kept of each stat: the mode, and all that must be equal for a remembered hash to be valid. Times are
 * milliseconds as doubles, exact to a quarter of a microsecond.
 */
const FIELDS = 5;

/** The inputs of a layer, or a base image, as they were when they were last read. */
export interface Remembered {
  /** In walk order. */
  readonly paths: readonly string[];
  /** FIELDS numbers per path. */
  readonly stats: Float64Array;
  /** The manifest, or the hash of the base image. */
  readonly text: string;
}

/** An input with its stat; for an ignored file only the name counts, so it has none. */
export interface FoundInput {
  readonly path: string;
  readonly stat: Stats | undefined;
}

/** The file's first line, with the checksum of the rest: the length of the table, the table, the sections. */
const HEADER = /^vlb stat index 3 ([0-9a-f]{8} \d+)\n/;

/** An entry of the table (JSON): the lengths of a section's parts, in file order. */
interface Entry {
  readonly name: string;
  readonly origin: string;
  readonly count: number;
  readonly pathsLength: number;
  readonly textLength: number;
}

type Section = Entry & { readonly bytes: Buffer };

export class StatIndex {
  readonly #file: string;
  readonly #known: ReadonlyMap<string, Section>;
  readonly #seen = new Map<string, Section>();
  #now: number | undefined;
  #changed = false;

  private constructor(file: string) {
    this.#file = file;
    this.#known = readSections(file);
  }

  /** Reads the index; an absent or damaged file yields an empty one. */
  static load(file: string): StatIndex {
    return new StatIndex(file);
  }

  /**
   * What was remembered under a name, or undefined.
   * @param origin identifies the roots and rules; an entry of another origin is not returned
   */
  recall(name: string, origin: string): Remembered | undefined {
    const section = this.#known.get(name);
    if (section?.origin !== origin) return undefined;
    const { bytes, count, pathsLength, textLength } = section;
    const statsLength = count * FIELDS * Float64Array.BYTES_PER_ELEMENT;
    const textAt = statsLength + pathsLength;
    return {
      // A copy, since an array of doubles must be aligned to eight bytes.
      stats: new Float64Array(new Uint8Array(bytes.subarray(0, statsLength)).buffer),
      paths: count === 0 ? [] : bytes.toString('utf8', statsLength, textAt).split('\0'),
      text: bytes.toString('utf8', textAt, textAt + textLength),
    };
  }

  /** Keeps a recalled entry: it is still valid. */
  keep(name: string): void {
    const section = this.#known.get(name);
    if (section) this.#seen.set(name, section);
  }

  /**
   * Records inputs and what was made from them.
   * @param now the file system's time before anything was read, see `now`
   */
  remember(name: string, origin: string, found: readonly FoundInput[], text: string, now: number): void {
    const stats = new Float64Array(found.length * FIELDS);
    for (const [index, { stat }] of found.entries()) {
      if (stat) stats.set(fieldsOf(stat, now), index * FIELDS);
    }
    const [paths, made] = [Buffer.from(found.map((input) => input.path).join('\0')), Buffer.from(text)];
    this.#seen.set(name, {
      name,
      origin,
      count: found.length,
      pathsLength: paths.length,
      textLength: made.length,
      bytes: Buffer.concat([Buffer.from(stats.buffer), paths, made]),
    });
    this.#changed = true;
  }

  /** The file system's current time in ms (its clock, not the machine's, stamps files). Read once. */
  get now(): number {
    this.#now ??= fileSystemNow(path.dirname(this.#file));
    return this.#now;
  }

  /**
   * Writes the index if it changed; errors are ignored.
   * @param complete the whole project was walked, so entries that were not seen are dropped
   */
  save(complete: boolean): void {
    const forgets = complete && [...this.#known.keys()].some((name) => !this.#seen.has(name));
    if (!this.#changed && !forgets) return;
    const sections = complete ? this.#seen : new Map([...this.#known, ...this.#seen]);
    const table = [...sections.values()].map(({ bytes: _bytes, ...entry }) => entry);
    const json = Buffer.from(JSON.stringify(table satisfies Entry[]));
    const body = Buffer.concat([
      Buffer.from(`${json.length}\n`),
      json,
      ...[...sections.values()].map(({ bytes }) => bytes),
    ]);
    const temporary = `${this.#file}.${process.pid}`;
    try {
      mkdirSync(path.dirname(this.#file), { recursive: true });
      const head = `vlb stat index 3 ${checksum(body)}\n`;
      writeFileSync(temporary, Buffer.concat([Buffer.from(head), body]));
      renameSync(temporary, this.#file);
    } catch {
      attempt(() => rmSync(temporary, { force: true }));
    }
  }
}

/** Whether a stat equals the recorded one at this index. */
export function isSameStat(stats: Float64Array, at: number, stat: Stats): boolean {
  const from = at * FIELDS;
  return (
    stats[from] === stat.mode &&
    stats[from + 1] === stat.size &&
    stats[from + 2] === stat.mtimeMs &&
    stats[from + 3] === stat.ctimeMs &&
    stats[from + 4] === stat.ino
  );
}

/** The recorded mode at this index; 0 for an entry without a stat. */
export function modeAt(stats: Float64Array, at: number): number {
  return stats[at * FIELDS] ?? 0;
}

/** As in git's "racy" problem, the stat of a very young file proves nothing, so NaN is recorded, which equals nothing. */
function fieldsOf({ mode, size, mtimeMs, ctimeMs, ino }: Stats, now: number): number[] {
  const isOld = mtimeMs + RACY < now && ctimeMs + RACY < now;
  return [mode, size, isOld ? mtimeMs : Number.NaN, ctimeMs, ino];
}

function readSections(file: string): Map<string, Section> {
  const sections = new Map<string, Section>();
  const bytes = attempt(() => readFileSync(file));
  if (!bytes) return sections;
  const [line, sum] = HEADER.exec(bytes.toString('latin1', 0, 128)) ?? [];
  if (line === undefined) return sections;
  const body = bytes.subarray(line.length);
  // After a power cut even a renamed file may be incomplete.
  if (checksum(body) !== sum) return sections;
  // The checksum matches, so the table is what `save` wrote.
  const tableAt = body.indexOf('\n') + 1;
  let at = tableAt + Number(body.toString('latin1', 0, tableAt));
  const table: readonly Entry[] = JSON.parse(body.toString('utf8', tableAt, at));
  for (const entry of table) {
    const end = at + entry.count * FIELDS * 8 + entry.pathsLength + entry.textLength;
    sections.set(entry.name, { ...entry, bytes: body.subarray(at, end) });
    at = end;
  }
  return sections;
}

/** Minus infinity when the directory is not writable: no file counts as old then, and all are read every time. */
function fileSystemNow(directory: string): number {
  const probe = path.join(directory, `.clock-${process.pid}`);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(probe, '');
    return lstatSync(probe).mtimeMs;
  } catch {
    return Number.NEGATIVE_INFINITY;
  } finally {
    attempt(() => rmSync(probe, { force: true }));
  }
}

/** CRC-32 and length: enough against accidental damage, and much faster than loading OpenSSL. */
function checksum(bytes: Buffer): string {
  return `${crc32(bytes).toString(16).padStart(8, '0')} ${bytes.length}`;
}
