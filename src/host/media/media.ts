// Makes what a system that runs from memory boots from: implements the port Media.

import { closeSync, openSync, readSync } from 'node:fs';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Media } from '../../model/ports/exporter.ts';
import { attempt } from '../../util/errors.ts';
import { dyingWithParent } from '../process/lifetime.ts';
import { packageHint } from '../process/packages.ts';
import { findTool, isInstalled, missingTool, run } from '../process/run.ts';
import { writeIso } from './iso.ts';
import { setTimes } from './times.ts';

export const media: Media = { busybox, initramfs, iso: writeIso };

function busybox(): Result<string> {
  const file = findTool('busybox');
  if (file !== undefined && attempt(() => isStatic(file))) return ok(file);
  const message =
    file === undefined ? 'busybox is not installed' : 'the busybox of this machine needs libraries';
  return fail('host', message, { hint: packageHint('busybox') });
}

/** elf(5): the segment with the name of the program that loads libraries. */
const PT_INTERP = 3;

/** Whether a program in ELF for 64 bits needs no libraries. */
function isStatic(file: string): boolean {
  const descriptor = openSync(file, 'r');
  try {
    const head = Buffer.alloc(4096);
    readSync(descriptor, head, 0, head.length, 0);
    if (head.toString('latin1', 0, 4) !== '\x7fELF') return false;
    const [at, size, count] = [
      Number(head.readBigUInt64LE(32)),
      head.readUInt16LE(54),
      head.readUInt16LE(56),
    ];
    return Array.from({ length: count }, (_, index) => head.readUInt32LE(at + index * size)).every(
      (type) => type !== PT_INTERP,
    );
  } finally {
    closeSync(descriptor);
  }
}

async function initramfs(directory: string, target: string, signal: AbortSignal): Promise<Result<void>> {
  if (!isInstalled('cpio')) return missingTool('cpio');
  const names = setTimes(directory, 0);
  const options = ['--create', '--format=newc', '--reproducible', '--owner=+0:+0', '--null', '--quiet'];
  const [command, args] = dyingWithParent('KILL', 'cpio', [...options, `--file=${target}`]);
  const done = await run(command, args, {
    cwd: directory,
    signal,
    input: names.map((name) => `${name}\0`).join(''),
  });
  return done.ok ? ok() : done;
}
