// The benchmarks' command: bin/bench [CASE…]. Prints tables; asserts nothing. docs/performance.md says what is measured.

import { readFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { deltaSize } from './cases/delta-size.ts';
import { diskOptions } from './cases/disk-options.ts';
import { disks } from './cases/disks.ts';
import { engine } from './cases/engine.ts';
import { exports } from './cases/exports.ts';
import { flatten } from './cases/flatten.ts';
import { noop } from './cases/noop.ts';
import { packages } from './cases/packages.ts';
import { scaling } from './cases/scaling.ts';
import { sharedCache } from './cases/shared-cache.ts';
import { steps } from './cases/steps.ts';
import { branchSwitch } from './cases/switch.ts';
import { trivial } from './cases/trivial.ts';
import { vm } from './cases/vm.ts';
import { Interrupted, output } from './lib/command.ts';
import { openScratch, type Scratch } from './lib/scratch.ts';

interface Case {
  readonly about: string;
  readonly run: (scratch: Scratch) => void | Promise<void>;
  /** Only when it is named. */
  readonly onRequest?: boolean;
}

const CASES: Readonly<Record<string, Case>> = {
  noop: { about: 'a build with nothing to do, 20 layers × 500 files', run: noop },
  switch: { about: 'a build behind a git branch switch, everything cached', run: branchSwitch },
  trivial: { about: 'a layer whose script is `true`', run: trivial },
  steps: { about: 'layers of steps: an edit, each step, the size of the delta', run: steps },
  disks: { about: 'a further disk, for a layer that does nothing', run: disks },
  packages: { about: 'a package-heavy layer, and 10,000 files unpacked', run: packages },
  flatten: { about: 'one flat image of a chain', run: flatten },
  export: { about: 'exports, against qemu-img and tar', run: exports },
  delta: { about: 'how large deltas are for what changed', run: deltaSize },
  scaling: { about: 'many files, many layers', run: scaling },
  'shared-cache': { about: 'a layer fetched from an S3 server on loopback', run: sharedCache },
  vm: { about: 'layers in a virtual machine, against those on this machine', run: vm },
  engine: { about: 'a graph on four nodes of Slurm, as root', run: engine, onRequest: true },
  'disk-options': { about: 'other ways to write a delta', run: diskOptions, onRequest: true },
};

async function main(words: readonly string[]): Promise<number> {
  const unknown = words.filter((word) => !(word in CASES));
  if (unknown.length > 0) {
    const list = Object.entries(CASES).map(
      ([name, { about, onRequest }]) =>
        `  ${name.padEnd(14)}${about}${onRequest ? ' (only when named)' : ''}\n`,
    );
    const help = unknown.every((word) => word === '--help');
    (help ? process.stdout : process.stderr).write(`usage: bin/bench [CASE…]\n${list.join('')}`);
    return help ? 0 : 2;
  }
  // The command that is running ends, and with it the measuring: the ordinary way, so that what was made is removed.
  process.on('SIGINT', () => undefined);
  using scratch = openScratch();
  printFacts(scratch.directory);
  for (const [name, { about, run, onRequest }] of Object.entries(CASES)) {
    if (words.length > 0 ? !words.includes(name) : onRequest) continue;
    process.stdout.write(`\n${name}: ${about}\n`);
    try {
      await run(scratch);
    } catch (error) {
      if (error instanceof Interrupted) return 130;
      process.stdout.write(`  not measured: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  return 0;
}

function printFacts(directory: string): void {
  const processor = /model name\s*:\s*(.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch;
  const memory = Number(/MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) / 1e6;
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 2).join(' ');
  const type = output(['stat', '--file-system', '--format=%T', directory]).trim();
  const qemu = output(['qemu-img', '--version']).split('\n')[0]?.replace('qemu-img version ', '');
  process.stdout.write(
    `${availableParallelism()} × ${processor}, ${memory.toFixed(0)} GB, Linux ${release()}, QEMU ${qemu}, Node ${process.version}\n` +
      `scratch on ${type}; load before: ${load}; a ratio is to the first line of its table\n`,
  );
}

process.exitCode = await main(process.argv.slice(2));
