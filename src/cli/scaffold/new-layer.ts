// vlb new-layer: creates the directory of a layer with a script to start from.

import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, failAt } from '../../model/failure.ts';
import { layerNumber } from '../../project/layers/discover.ts';
import { makeDirectories } from '../../util/fs.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT } from '../exit-status.ts';
import { giveCreated, ownerOf } from '../give-back.ts';
import type { GlobalOptions } from '../options.ts';
import { makeGitignore } from './gitignore.ts';
import { freeLayer } from './layer-name.ts';

const KINDS = [
  ['boot', 'boot-layer'],
  ['modifyDisk', 'modify-disk'],
  ['steps', 'layer.yaml'],
] as const;

/**
 * Creates the layer and prints the path of its script. In a project without layers, or in a git repository, it also
 * creates .gitignore if there is none. Fails as `usage` when the name is not valid or taken.
 */
export async function newLayer(
  raw: Raw<'new-layer'>,
  { directory: project }: GlobalOptions,
): Promise<number | Failure> {
  const [kind = 'build-layer', another] = KINDS.flatMap(([option, made]) => (raw[option] ? [made] : []));
  if (another) return fail('usage', 'use only one of --boot, --modify-disk and --steps').failure;
  const free = freeLayer(project, raw.name, 'vlb new-layer');
  if (!free.ok) return free.failure;
  const { name, parent, taken } = free.value;
  const isFirst = taken.every((other) => layerNumber(other) > layerNumber(name));
  const directory = path.join(parent, name);
  const script = path.join(directory, kind);
  try {
    makeDirectories(directory);
    writeFileSync(
      script,
      {
        'build-layer': BUILD_LAYER,
        'boot-layer': BOOT_LAYER,
        'layer.yaml': STEPS,
        'modify-disk': modifyDisk(isFirst),
      }[kind],
    );
    if (kind !== 'layer.yaml') chmodSync(script, 0o755);
    if (taken.length === 0 || existsSync(path.join(project, '.git'))) {
      makeGitignore(project);
    }
    const isFolderNew = taken.length === 0 && parent !== project;
    const created = isFolderNew ? 'layers' : path.relative(project, directory);
    giveCreated(ownerOf(project), project, [created, '.gitignore']);
  } catch (error) {
    return failAt(directory, 'cannot create the layer', error).failure;
  }
  process.stdout.write(`${path.relative(process.cwd(), script)}\n`);
  return EXIT.ok;
}

const BUILD_LAYER = `#!/bin/sh
# Runs as root in a chroot on the disk. This directory's files are in /mnt, the working directory.
set -eu

# apt-get update
# apt-get install -y --no-install-recommends nginx-light
# install -m 0644 index.html /var/www/html/index.html
`;

const BOOT_LAYER = `#!/bin/sh
# vlb: timeout 30m
# Runs as root in the booted image. This directory's files are in /mnt, the working directory. To be run again after a
# reboot, with VLB_BOOT=2, exit with the status 194.
set -eu

# systemctl start postgresql
# runuser -u postgres -- psql -f schema.sql
`;

const STEPS = `# The steps of this layer: each runs as root in a chroot on the disk. See docs/steps.md, or vlb schema layer.
# params: { VERSION: '1.0' }
steps:
  - run: date > /etc/built
# - install: [nginx-light]
# - copy: { from: index.html, to: /var/www/html/ }
# - run: systemctl enable nginx
`;

function modifyDisk(isFirst: boolean): string {
  return `#!/bin/sh
${isFirst ? '# vlb: from scratch\n' : ''}# vlb: disk-size 10G
# Runs as root on the host, in a copy of this directory. DEVICE is the attached disk; its partitions are
# \${DEVICE}p1 and so on.
set -eu
SOURCE=$1 TARGET=$2 DEVICE=$3

# sfdisk "$DEVICE" <partitions.sfdisk
# partx --update "$DEVICE"
# mkfs.ext4 "\${DEVICE}p1"
`;
}
