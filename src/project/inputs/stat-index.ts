// The stat index: remembers what a walk over inputs found, and the manifest that came of it, so that inputs whose stats are
// the same are not read, sorted and written down again. Losing or damaging it costs time, never correctness.

import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, type Stats, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';

/** A file younger than this when it was hashed could change again within one tick of its time stamps, ms. */
const RACY = 2000;

/**
 * What is kept of each stat: the mode, and what has to be the same for a remembered hash to hold. Times are milliseconds
 * in doubles, exact to a quarter of a microsecond.
 */
const FIELDS = 5;

/** What was found in one place, a layer's inputs or a base image, when it was last looked at. */
export interface Remembered {
  /** In the order of the walk. */
  readonly paths: readonly string[];
  /** FIELDS numbers for each path. */
  readonly stats: Float64Array;
  /** What came of it. */
  readonly text: string;
}

/** Something that was found, with its stat; without one it is known by its name alone. */
export interface Found {
  readonly path: string;
  readonly stat: Stats | undefined;
}

/** The file's first line, with the checksum of all that follows: the length of the table, the table, the sections. */
const HEADER = /^vlb stat index 3 ([0-9a-f]{8} \d+)\n/;

/** The table's entries, as JSON: where a section's parts end, in the order in which they stand. */
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

  /** Reads the index; an absent or damaged one is empty. */
  static load(file: string): StatIndex {
    return new StatIndex(file);
  }

  /**
   * What was found last time.
   * @param origin where it was looked for and by which rules; what was found elsewhere is not remembered
   */
  recall(name: string, origin: string): Remembered | undefined {
    const section = this.#known.get(name);
    if (section?.origin !== origin) return undefined;
    const { bytes, count, pathsLength, textLength } = section;
    const statsLength = count * FIELDS * Float64Array.BYTES_PER_ELEMENT;
    const textAt = statsLength + pathsLength;
    return {
      // A copy, since an array of doubles has to begin at a multiple of eight.
      stats: new Float64Array(new Uint8Array(bytes.subarray(0, statsLength)).buffer),
      paths: count === 0 ? [] : bytes.toString('utf8', statsLength, textAt).split('\0'),
      text: bytes.toString('utf8', textAt, textAt + textLength),
    };
  }

  /** What was recalled is true still. */
  keep(name: string): void {
    const section = this.#known.get(name);
    if (section) this.#seen.set(name, section);
  }

  /**
   * Takes down what was found, and what came of it.
   * @param now the file system's clock from before anything was read, see `now`
   */
  remember(name: string, origin: string, found: readonly Found[], text: string, now: number): void {
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

  /** The time of the file system itself, ms: its clock, not this machine's, stamps the files. Read once. */
  get now(): number {
    this.#now ??= fileSystemNow(path.dirname(this.#file));
    return this.#now;
  }

  /**
   * Writes the index when it changed; a failure to write is no failure.
   * @param complete the whole project was walked, so what was not seen is gone and is forgotten
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
      removeIfThere(temporary);
    }
  }
}

/** Whether a stat is the one that was taken down at this place. */
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

/** The mode that was taken down at this place; 0 for what is known by its name alone. */
export function modeAt(stats: Float64Array, at: number): number {
  return stats[at * FIELDS] ?? 0;
}

/** Git's "racy" problem: the stat of so young a file proves nothing, so a time is taken down that none is equal to. */
function fieldsOf({ mode, size, mtimeMs, ctimeMs, ino }: Stats, now: number): number[] {
  const isOld = mtimeMs + RACY < now && ctimeMs + RACY < now;
  return [mode, size, isOld ? mtimeMs : Number.NaN, ctimeMs, ino];
}

function readSections(file: string): Map<string, Section> {
  const sections = new Map<string, Section>();
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return sections;
  }
  const [line, sum] = HEADER.exec(bytes.toString('latin1', 0, 128)) ?? [];
  if (line === undefined) return sections;
  const body = bytes.subarray(line.length);
  // A power cut may tear even what was renamed into place, and disks lie.
  if (checksum(body) !== sum) return sections;
  // The checksum says that it is what was written here.
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

/** Nothing is old where nothing can be written: then every file is read each time. */
function fileSystemNow(directory: string): number {
  const probe = path.join(directory, `.clock-${process.pid}`);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(probe, '');
    return lstatSync(probe).mtimeMs;
  } catch {
    return Number.NEGATIVE_INFINITY;
  } finally {
    removeIfThere(probe);
  }
}

/** CRC-32 and the length: it is to find accidents only, and OpenSSL takes longer to load than this takes altogether. */
function checksum(bytes: Buffer): string {
  return `${crc32(bytes).toString(16).padStart(8, '0')} ${bytes.length}`;
}

function removeIfThere(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Not even its directory is one.
  }
}
