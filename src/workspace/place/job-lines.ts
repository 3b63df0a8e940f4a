// What a job has printed since it was last read: its own lines, and the events of its build.

import { closeSync, openSync, readSync } from 'node:fs';
import type { BuildEvent } from '../../model/event.ts';
import { parseObject } from '../../util/json.ts';

/** A line of the output of a job. */
export type JobLine =
  /** It begins, for the first time or again. */
  | { readonly type: 'job-started'; readonly node: string }
  | { readonly type: 'job-ended'; readonly status: number }
  | BuildEvent;

/** Reads a file that another machine writes to. It is opened each time: only then does a network file system ask for what is new. */
export class JobLines {
  readonly #file: string;
  #offset = 0;
  #rest = Buffer.alloc(0);
  readonly #buffer = Buffer.allocUnsafe(64 * 1024);

  constructor(file: string) {
    this.#file = file;
  }

  /** The whole lines that are new. Other lines, such as one that a killed run has left, are skipped. */
  read(): readonly JobLine[] {
    const text = this.#newText();
    return text.split('\n').flatMap((line) => parseLine(line) ?? []);
  }

  #newText(): string {
    const parts = [this.#rest];
    let descriptor: number;
    try {
      descriptor = openSync(this.#file, 'r');
    } catch {
      return ''; // it has not begun
    }
    try {
      for (;;) {
        const count = readSync(descriptor, this.#buffer, 0, this.#buffer.length, this.#offset);
        if (count === 0) break;
        parts.push(Buffer.from(this.#buffer.subarray(0, count)));
        this.#offset += count;
      }
    } finally {
      closeSync(descriptor);
    }
    const all = Buffer.concat(parts);
    const end = all.lastIndexOf('\n') + 1;
    this.#rest = all.subarray(end);
    return all.toString('utf8', 0, end);
  }
}

function parseLine(line: string): JobLine | undefined {
  const value = line.startsWith('{') ? parseObject(line) : undefined;
  if (typeof value?.['type'] !== 'string') return undefined;
  return value as unknown as JobLine; // vlb wrote it, the one whose path the job was given
}
