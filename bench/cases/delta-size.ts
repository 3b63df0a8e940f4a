// How large a delta is for what a script changed, on a disk with many files.

import { realpathSync } from 'node:fs';
import path from 'node:path';
import { tinyDisk } from '../../test/rig/tiny.ts';
import { changedBytes } from '../lib/changed-blocks.ts';
import { inMegabytes, printTable } from '../lib/compare.ts';
import { buildOne, vlbSeconds, writeScript } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';

const LAYER = '20_measured';

/** On the base: 20,000 files of 10 kB in 200 directories, and 200 MB in files of 20 kB. */
const BASE_FILES = `mkdir "$root/many" "$root/more"
( cd "$root/many"
  for d in $(seq 200); do
    mkdir $d
    head -c 1000000 /dev/urandom | split -b 10000 -a 3 - $d/
  done )
head -c 200000000 /dev/urandom | split -b 20000 -a 4 - "$root/more/"`;
const FILE = 10_000;

interface Change {
  readonly name: string;
  readonly script: string;
  /** Bytes of new content, as files. */
  readonly content: number;
}

/** Scattered: from every directory in turn, not the neighbors. */
function rewrite(files: number): string {
  return `ls -d /many/*/* | awk 'NR % ${20_000 / files} == 0' | while read -r file; do
  head -c ${FILE} /dev/urandom >"$file"
done`;
}

const CHANGES: readonly Change[] = [
  { name: 'nothing', script: 'true', content: 0 },
  { name: '1 file rewritten', script: rewrite(1), content: FILE },
  { name: '100 scattered files rewritten', script: rewrite(100), content: 100 * FILE },
  { name: '1,000 scattered files rewritten', script: rewrite(1_000), content: 1_000 * FILE },
  {
    name: '10,000 new files, 100 MB',
    script: `mkdir /new; cd /new
seq 10000 | while read -r n; do head -c ${FILE} /dev/urandom >$n; done`,
    content: 10_000 * FILE,
  },
  { name: 'one new file, 200 MB', script: 'head -c 200000000 /dev/urandom >/new', content: 200e6 },
  {
    name: '200 MB written and removed again',
    script: 'head -c 200000000 /dev/urandom >/new; sync; rm /new',
    content: 0,
  },
  { name: "10,000 of the parent's files removed, 200 MB", script: 'rm -r /more', content: 0 },
];

export function deltaSize(scratch: Scratch): void {
  const project = scratch.make('delta');
  writeScript(project, '10_base', 'modify-disk', tinyDisk({ size: '8G', more: BASE_FILES }));
  vlbSeconds(project, 'build');
  const artifact = (layer: string) => realpathSync(path.join(project, 'build', `${layer}.qcow2`));
  const rows = CHANGES.map(({ name, script, content }) => {
    // busybox has these under no name of their own.
    const tools = 'awk() { busybox awk "$@"; }';
    const text = `#!/bin/sh\n# nocache\nset -eu\n${tools}\n${script}\n`;
    writeScript(project, LAYER, 'build-layer', text);
    const { bytes } = buildOne(project, LAYER);
    const changed = changedBytes(artifact(LAYER), artifact('10_base'), scratch.directory);
    const ratio = (bytes / changed).toFixed(2);
    return [name, inMegabytes(content), inMegabytes(changed), inMegabytes(bytes), ratio];
  });
  printTable(['', 'file content', '4K blocks changed', 'delta', 'delta / blocks'], rows);
}
