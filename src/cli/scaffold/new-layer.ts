// vlb new-layer: makes a layer's directory with a script to start from.

import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail } from '../../model/failure.ts';
import type { ScriptKind } from '../../model/project.ts';
import { bareName, LAYER_NAME, layerNumber, layersDirectory } from '../../project/layers/discover.ts';
import { systemError } from '../../util/errors.ts';
import { namesIn } from '../../util/fs.ts';
import { EXIT } from '../exit-status.ts';
import type { GlobalOptions } from '../options.ts';

export interface NewLayerOptions extends GlobalOptions {
  readonly name: string;
  readonly kind: ScriptKind;
}

/**
 * Makes the layer and prints the path of its script; for a project that begins, or is a git repository without one, a
 * .gitignore too. Fails as `usage` when the name is taken or no name.
 */
export async function newLayer(options: NewLayerOptions): Promise<number | Failure> {
  const parent = layersDirectory(options.directory);
  const taken = namesIn(parent).filter((name) => LAYER_NAME.test(name));
  const next = nextNumber(taken);
  const wanted = options.name.replace(/\/+$/, '').replace(/^layers\//, '');
  const name = /^\d/.test(wanted) ? wanted : `${next}_${wanted}`;
  if (!LAYER_NAME.test(name)) return noName(wanted, next).failure;
  const same = taken.find((other) => layerNumber(other) === layerNumber(name));
  if (same !== undefined) {
    const message = same === name ? `there is a layer ${name} already` : `${same} has the number of ${name}`;
    return fail('usage', message, {
      where: { file: path.join(parent, same) },
      hint: `${next} is free: vlb new-layer ${next}_${bareName(name)}${same === name ? '2' : ''}`,
    }).failure;
  }
  const called = taken.find((other) => bareName(other) === bareName(name));
  if (called !== undefined && name !== wanted) {
    return fail('usage', `there is a layer ${called} already: "${wanted}" could be either`, {
      where: { file: path.join(parent, called) },
      hint: `choose another name, or insist with the number: vlb new-layer ${name}`,
    }).failure;
  }
  const isFirst = taken.every((other) => layerNumber(other) > layerNumber(name));
  const directory = path.join(parent, name);
  const script = path.join(directory, options.kind);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(script, options.kind === 'build-layer' ? BUILD_LAYER : modifyDisk(isFirst));
    chmodSync(script, 0o755);
    if (taken.length === 0 || existsSync(path.join(options.directory, '.git'))) {
      makeGitignore(options.directory);
    }
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `the layer cannot be made: ${message}`, { where: { file: directory } }).failure;
  }
  process.stdout.write(`${path.relative(process.cwd(), script)}\n`);
  return EXIT.ok;
}

/** What is wrong with a name, and what it could be. */
function noName(wanted: string, next: number): ReturnType<typeof fail> {
  const what = `"${wanted}" is no name for a layer`;
  if (/^\d+_?$/.test(wanted)) {
    return fail('usage', `${what}: a number alone says nothing`, {
      hint: `add a name: vlb new-layer ${wanted.replace('_', '').padStart(2, '0')}_app`,
    });
  }
  const [, digit, rest = ''] = /^(\d)_(.*)$/.exec(wanted) ?? [];
  if (digit !== undefined && LAYER_NAME.test(`0${wanted}`)) {
    return fail('usage', `${what}: its number has two digits or more`, {
      hint: `vlb new-layer 0${wanted}, or behind all others: vlb new-layer ${next}_${rest}`,
    });
  }
  return fail('usage', what, {
    hint: 'use letters, digits, dots, dashes and underscores: app, or 35_app to choose the number',
  });
}

/** Keeps what vlb makes out of git. One that is there already is its author's. */
function makeGitignore(directory: string): void {
  try {
    writeFileSync(path.join(directory, '.gitignore'), '/.vlb/\n/build/\n', { flag: 'wx' });
    process.stderr.write('note: .gitignore keeps .vlb/ and build/ out of git\n');
  } catch (error) {
    if (systemError(error).code !== 'EEXIST') throw error;
  }
}

/** The next free ten: 10, then 20 behind 10 to 19. */
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
