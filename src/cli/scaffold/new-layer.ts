// vlb new-layer: creates the directory of a layer with a script to start from.

import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, failAt } from '../../model/failure.ts';
import { bareName, LAYER_NAME, layerNumber, layersDirectory } from '../../project/layers/discover.ts';
import { systemError } from '../../util/errors.ts';
import { makeDirectories, namesIn } from '../../util/fs.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT } from '../exit-status.ts';
import { giveCreated, ownerOf } from '../give-back.ts';
import type { GlobalOptions } from '../options.ts';

/**
 * Creates the layer and prints the path of its script. In a project without layers, or in a git repository, it also
 * creates .gitignore if there is none. Fails as `usage` when the name is not valid or taken.
 */
export async function newLayer(
  raw: Raw<'new-layer'>,
  { directory: project }: GlobalOptions,
): Promise<number | Failure> {
  const kind = raw.modifyDisk ? 'modify-disk' : 'build-layer';
  const parent = layersDirectory(project);
  const taken = namesIn(parent).filter((name) => LAYER_NAME.test(name));
  const next = nextNumber(taken);
  const wanted = raw.name.replace(/\/+$/, '').replace(/^layers\//, '');
  const name = /^\d/.test(wanted) ? wanted : `${next}_${wanted}`;
  if (!LAYER_NAME.test(name)) return invalidName(wanted, next).failure;
  const same = taken.find((other) => layerNumber(other) === layerNumber(name));
  if (same !== undefined) {
    const message = same === name ? `layer ${name} already exists` : `${same} has the same number as ${name}`;
    return fail('usage', message, {
      where: { file: path.join(parent, same) },
      hint: `${next} is free: vlb new-layer ${next}_${bareName(name)}${same === name ? '2' : ''}`,
    }).failure;
  }
  const called = taken.find((other) => bareName(other) === bareName(name));
  if (called !== undefined && name !== wanted) {
    return fail('usage', `layer ${called} already exists: "${wanted}" would be ambiguous`, {
      where: { file: path.join(parent, called) },
      hint: `choose another name, or give the number too: vlb new-layer ${name}`,
    }).failure;
  }
  const isFirst = taken.every((other) => layerNumber(other) > layerNumber(name));
  const directory = path.join(parent, name);
  const script = path.join(directory, kind);
  try {
    makeDirectories(directory);
    writeFileSync(script, kind === 'build-layer' ? BUILD_LAYER : modifyDisk(isFirst));
    chmodSync(script, 0o755);
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

/** The failure for a name that is not valid, with a suggestion. */
function invalidName(wanted: string, next: number): ReturnType<typeof fail> {
  const what = `"${wanted}" is not a valid layer name`;
  if (/^\d+_?$/.test(wanted)) {
    return fail('usage', `${what}: a name must follow the number`, {
      hint: `add a name: vlb new-layer ${wanted.replace('_', '').padStart(2, '0')}_app`,
    });
  }
  const [, digit, rest = ''] = /^(\d)_(.*)$/.exec(wanted) ?? [];
  if (digit !== undefined && LAYER_NAME.test(`0${wanted}`)) {
    return fail('usage', `${what}: the number needs at least two digits`, {
      hint: `vlb new-layer 0${wanted}, or after all others: vlb new-layer ${next}_${rest}`,
    });
  }
  return fail('usage', what, {
    hint: 'use letters, digits, dots, dashes and underscores: app, or 35_app to choose the number',
  });
}

/** Creates .gitignore for the files of vlb. An existing one is not modified. */
function makeGitignore(directory: string): void {
  try {
    writeFileSync(path.join(directory, '.gitignore'), '/.vlb/\n/build/\n', { flag: 'wx' });
    process.stderr.write('note: created .gitignore for .vlb/ and build/\n');
  } catch (error) {
    if (systemError(error).code !== 'EEXIST') throw error;
  }
}

/** The next multiple of ten: 10, then 20 after 10 to 19. */
function nextNumber(taken: readonly string[]): number {
  const greatest = Math.max(0, ...taken.map(layerNumber));
  return (Math.floor(greatest / 10) + 1) * 10;
}

const BUILD_LAYER = `#!/bin/sh
# Runs as root in a chroot on the disk. This directory's files are in /mnt, the working directory.
set -eu

# apt-get update
# apt-get install -y --no-install-recommends nginx-light
# install -m 0644 index.html /var/www/html/index.html
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
