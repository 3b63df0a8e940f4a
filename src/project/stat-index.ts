// The stat index: remembers the content hash of a file by its stat, so that unchanged files are not read again.
// Losing or damaging it costs time, never correctness.

import {
  type BigIntStats,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

const HEADER = 'vlb stat index 1';
/** A file younger than this when it was hashed could change again within one tick of its time stamps. */
const RACY_NANOSECONDS = 2_000_000_000n;

interface Entry {
  readonly stat: string;
  readonly hash: string;
}

export class StatIndex {
  readonly #file: string;
  readonly #known: ReadonlyMap<string, Entry>;
  readonly #seen = new Map<string, Entry>();
  readonly #now: bigint;
  #changed = false;

  private constructor(file: string, known: ReadonlyMap<string, Entry>, now: bigint) {
    this.#file = file;
    this.#known = known;
    this.#now = now;
  }

  /** Reads the index; an absent or damaged one is empty. */
  static load(file: string): StatIndex {
    mkdirSync(path.dirname(file), { recursive: true });
    return new StatIndex(file, readEntries(file), fileSystemNow(path.dirname(file)));
  }

  /**
   * The hash of a file: remembered when its stat says that it is the same, or computed.
   * @param name what the file is called in the index; relative names let the project move
   */
  hash(name: string, stat: BigIntStats, compute: () => string): string {
    const text = statText(stat);
    const known = this.#known.get(name);
    if (known?.stat === text) {
      this.#seen.set(name, known);
      return known.hash;
    }
    const entry = { stat: text, hash: compute() };
    // Git's "racy" problem: the stat of so young a file proves nothing, so it is not written down.
    const old = (time: bigint) => time + RACY_NANOSECONDS < this.#now;
    if (old(stat.mtimeNs) && old(stat.ctimeNs)) {
      this.#seen.set(name, entry);
      this.#changed = true;
    }
    return entry.hash;
  }

  /**
   * Writes the index when it changed; a failure to write is no failure.
   * @param complete the whole project was walked, so what was not seen is gone and is forgotten
   */
  save(complete: boolean): void {
    const forgets = complete && this.#seen.size < this.#known.size;
    if (!this.#changed && !forgets) return;
    const entries = complete ? this.#seen : new Map([...this.#known, ...this.#seen]);
    const lines = [HEADER];
    for (const [name, entry] of entries) lines.push(`${entry.hash} ${entry.stat} ${JSON.stringify(name)}`);
    const temporary = `${this.#file}.${process.pid}`;
    try {
      writeFileSync(temporary, `${lines.join('\n')}\n`);
      renameSync(temporary, this.#file);
    } catch {
      rmSync(temporary, { force: true });
    }
  }
}

/** What has to be the same for a remembered hash to hold. */
function statText(stat: BigIntStats): string {
  return `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}`;
}

const LINE = /^([0-9a-f]{16}) (\d+ -?\d+ -?\d+ \d+) (".*")$/;

function readEntries(file: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return entries;
  }
  // A torn write would lack the last line's end; a rename is atomic, but a power cut may still tear.
  if (!text.startsWith(`${HEADER}\n`) || !text.endsWith('\n')) return entries;
  for (const line of text.split('\n')) {
    const match = LINE.exec(line);
    if (match?.[1] && match[2] && match[3])
      entries.set(parseName(match[3]), { hash: match[1], stat: match[2] });
  }
  return entries;
}

function parseName(json: string): string {
  try {
    return String(JSON.parse(json));
  } catch {
    return '';
  }
}

/** The time of the file system itself, ns: its clock, not this machine's, stamped the files. */
function fileSystemNow(directory: string): bigint {
  const probe = path.join(directory, `.clock-${process.pid}`);
  writeFileSync(probe, '');
  try {
    return lstatSync(probe, { bigint: true }).mtimeNs;
  } finally {
    rmSync(probe, { force: true });
  }
}
