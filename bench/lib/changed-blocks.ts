// What really changed between a disk and its parent, block for block, whatever the delta says.

import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import path from 'node:path';
import { output } from './command.ts';

/** The block of the file systems measured here. */
const BLOCK = 4096;
const CHUNK = 1 << 20;

/** One entry of `qemu-img map --output=json`. */
interface Extent {
  readonly start: number;
  readonly length: number;
  /** 0: in the delta itself. */
  readonly depth: number;
  readonly data: boolean;
}

/**
 * The bytes of all blocks that hold something else than in the parent, and not zeros.
 * @param scratch a directory for raw copies of both
 */
export function changedBytes(delta: string, parent: string, scratch: string): number {
  const extents: Extent[] = JSON.parse(output(['qemu-img', 'map', '--output=json', delta])); // qemu-img's promise
  const copies = [delta, parent].map((image, index) => {
    const raw = path.join(scratch, `compare-${index}.raw`);
    output(['qemu-img', 'convert', '-m', '16', '-W', '-O', 'raw', image, raw]);
    return raw;
  });
  const [now = -1, before = -1] = copies.map((raw) => openSync(raw, 'r'));
  let changed = 0;
  for (const { start, length, depth, data } of extents) {
    if (depth !== 0 || !data) continue;
    for (let at = start; at < start + length; at += CHUNK) {
      const size = Math.min(CHUNK, start + length - at);
      changed += changedIn(read(now, at, size), read(before, at, size));
    }
  }
  for (const file of [now, before]) closeSync(file);
  for (const raw of copies) rmSync(raw);
  return changed;
}

function changedIn(now: Buffer, before: Buffer): number {
  if (now.equals(before)) return 0;
  let changed = 0;
  for (let at = 0; at < now.length; at += BLOCK) {
    const block = now.subarray(at, at + BLOCK);
    if (!block.equals(before.subarray(at, at + BLOCK)) && !block.equals(ZEROS)) changed += BLOCK;
  }
  return changed;
}

const ZEROS = Buffer.alloc(BLOCK);

function read(file: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  readSync(file, buffer, 0, length, position);
  return buffer;
}
