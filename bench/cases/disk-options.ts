// Other ways to write a delta than vlb's own: each changes one thing. docs/performance.md says what was chosen, and why.

import { realpathSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { seconds } from '../lib/command.ts';
import { compare, inMegabytes, inSeconds, printTable } from '../lib/compare.ts';
import { debianProject, INSTALL } from '../lib/debian.ts';
import type { Scratch } from '../lib/scratch.ts';

const ROUNDS = 2;
const VARIANT = fileURLToPath(new URL('../lib/variant.sh', import.meta.url));

const UNSAFE = '"cache":{"direct":false,"no-flush":true}';
const PLAIN_MOUNT = 'noatime,noinit_itable';

interface Variant {
  readonly create: string;
  readonly file: string;
  readonly qcow2: string;
  readonly mount: string;
}

const OWN: Variant = {
  create: '',
  file: UNSAFE,
  qcow2: `${UNSAFE},"detect-zeroes":"unmap"`,
  mount: `${PLAIN_MOUNT},nobarrier,commit=300,data=writeback,noauto_da_alloc`,
};

const VARIANTS: Readonly<Record<string, Partial<Variant>>> = {
  "vlb's own": {},
  'clusters of 16 KiB': { create: 'cluster_size=16k' },
  'clusters of 32 KiB': { create: 'cluster_size=32k' },
  'clusters of 128 KiB': { create: 'cluster_size=128k' },
  'subclusters (extended_l2)': { create: 'extended_l2=on' },
  'subclusters, clusters of 128 KiB': { create: 'extended_l2=on,cluster_size=128k' },
  lazy_refcounts: { create: 'lazy_refcounts=on' },
  'l2-cache-size 1 MiB': { qcow2: `${OWN.qcow2},"l2-cache-size":1048576` },
  'no detect-zeroes': { qcow2: UNSAFE },
  'cache.direct of the file': { file: '"cache":{"direct":true,"no-flush":true}' },
  'flushes passed on': { file: '', qcow2: '"detect-zeroes":"unmap"' },
  'mounted with nothing but noatime': { mount: PLAIN_MOUNT },
  'mounted with nobarrier': { mount: `${PLAIN_MOUNT},nobarrier` },
  'without noauto_da_alloc': { mount: `${PLAIN_MOUNT},nobarrier,commit=300,data=writeback` },
  'and lazytime': { mount: `${OWN.mount},lazytime` },
  'and journal_async_commit': { mount: `${OWN.mount},journal_async_commit` },
  'without the journal (noload)': { mount: `${PLAIN_MOUNT},nobarrier,noauto_da_alloc,noload` },
};

export async function diskOptions(scratch: Scratch): Promise<void> {
  const project = debianProject(scratch, 'disk-options');
  if (project === undefined) return;
  const parent = realpathSync(path.join(project, 'build/10_base.qcow2'));
  const script = path.join(project, 'install');
  writeFileSync(script, INSTALL);
  const directory = scratch.make('variant');
  const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const sizes = new Map<string, { file: number; content: number }>();
  const contenders = Object.entries(VARIANTS).map(([name, change]) => {
    const { create, file, qcow2, mount } = { ...OWN, ...change };
    const argv = [...namespaces, 'sh', VARIANT, directory, parent, script, create, file, qcow2, mount];
    const run = () => {
      const time = seconds(argv);
      const { size, blocks } = statSync(path.join(directory, 'delta.qcow2'));
      sizes.set(name, { file: size, content: blocks * 512 });
      return time;
    };
    return { name, run };
  });
  const figures = await compare(contenders, ROUNDS);
  const first = figures[0]?.min ?? Number.NaN;
  const rows = figures.map(({ name, median, min }) => [
    name,
    inSeconds(median),
    inSeconds(min),
    (min / first).toFixed(2),
    inMegabytes(sizes.get(name)?.file ?? 0),
    inMegabytes(sizes.get(name)?.content ?? 0),
  ]);
  const head = [
    'packages installed, until it is on the disk',
    'median',
    'min',
    'of min',
    'file',
    'without holes',
  ];
  printTable(head, rows);
}
