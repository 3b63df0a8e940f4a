// vlb new-layer: makes a layer's directory with a script to start from.

import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail } from '../../model/failure.ts';
import type { ScriptKind } from '../../model/layer.ts';
import { LAYER_NAME, layerNumber, layersDirectory } from '../../project/discover.ts';
import { EXIT } from '../exit-status.ts';
import type { GlobalOptions } from '../options.ts';

export interface NewLayerOptions extends GlobalOptions {
  readonly name: string;
  readonly kind: ScriptKind;
}

/** Makes the layer and prints the path of its script. Fails as `usage` when the name is taken or no name. */
export async function newLayer(options: NewLayerOptions): Promise<number | Failure> {
  const parent = layersDirectory(options.directory);
  const taken = namesIn(parent).filter((name) => LAYER_NAME.test(name));
  const name = /^\d/.test(options.name) ? options.name : `${nextNumber(taken)}_${options.name}`;
  if (!LAYER_NAME.test(name)) {
    return fail('usage', `"${options.name}" is no name for a layer`, {
      hint: 'use letters, digits, dots, dashes and underscores: app, or 35_app to choose the number',
    }).failure;
  }
  const same = taken.find((other) => layerNumber(other) === layerNumber(name));
  if (same !== undefined) {
    return fail('usage', `the number of ${name} is taken by ${same}`, {
      where: { file: path.join(parent, same) },
    }).failure;
  }
  const isFirst = taken.every((other) => layerNumber(other) > layerNumber(name));
  const directory = path.join(parent, name);
  const script = path.join(directory, options.kind);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(script, options.kind === 'build-layer' ? BUILD_LAYER : modifyDisk(isFirst));
    chmodSync(script, 0o755);
  } catch (error) {
    const { message } = error as NodeJS.ErrnoException; // node's fs throws nothing else
    return fail('host', `the layer cannot be made: ${message}`, { where: { file: directory } }).failure;
  }
  process.stdout.write(`${path.relative(process.cwd(), script)}\n`);
  return EXIT.ok;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // it is not there yet, or making the layer will tell what is wrong with it
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
