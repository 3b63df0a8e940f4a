// A small Debian with packages fetched but not installed, so that installing them later needs no network.

import { existsSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { output } from './command.ts';
import { vlbSeconds, writeScript } from './project.ts';
import type { Scratch } from './scratch.ts';
import { has } from './tools.ts';

const PACKAGES = 'nginx-light curl git python3 gcc libc6-dev make systemd-sysv dbus';
const FILES = 10_000;

/** Where the tar of 10,000 files is in the image, with about 220 MB in them. */
const FILES_TAR = '/var/tmp/files.tar';

/** Installs what was fetched. */
export const INSTALL = `#!/bin/sh
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -qq --no-install-recommends --no-download ${PACKAGES}
`;

/** Unpacks 10,000 files. */
export const UNPACK = `#!/bin/sh
set -eu
mkdir /opt/files
tar -xf ${FILES_TAR} -C /opt/files
`;

/** A modify-disk that unpacks the Debian onto a disk; the tar is the layer's own file debian.tar. */
const DEBIAN_DISK = `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 8G
set -eu
printf 'label: gpt\\ntype=linux\\n' | sfdisk -q "$3"
partx --update "$3"
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$3p1"
mkdir "$TMPDIR/root"
mount "$3p1" "$TMPDIR/root"
tar -xf debian.tar -C "$TMPDIR/root"
umount "$TMPDIR/root"
`;

/** The Debian as a tar, made once a run; undefined where mmdebstrap is not there. Needs the network. */
export function debianTar(scratch: Scratch): string | undefined {
  const tar = path.join(scratch.directory, 'debian.tar');
  if (existsSync(tar)) return tar;
  if (!has('mmdebstrap')) return undefined;
  process.stdout.write('  making a Debian to measure on …\n');
  const files = scratch.make('files');
  writeManyFiles(files);
  const filesTar = path.join(scratch.directory, 'files.tar');
  output(['tar', '-cf', filesTar, '-C', files, '.']);
  output([
    'mmdebstrap',
    '--mode=root',
    '--variant=minbase',
    '--skip=cleanup/apt',
    `--customize-hook=chroot "$1" apt-get install -y -qq --no-install-recommends --download-only ${PACKAGES}`,
    `--customize-hook=upload ${filesTar} ${FILES_TAR}`,
    'bookworm',
    `${tar}.part.tar`,
  ]);
  output(['mv', `${tar}.part.tar`, tar]);
  return tar;
}

/** A built project whose base is the Debian; undefined where there is none. */
export function debianProject(scratch: Scratch, name: string): string | undefined {
  const tar = debianTar(scratch);
  if (tar === undefined) return undefined;
  const project = scratch.make(name);
  writeScript(project, '10_base', 'modify-disk', DEBIAN_DISK);
  linkSync(tar, path.join(project, 'layers/10_base/debian.tar'));
  vlbSeconds(project, 'build');
  return project;
}

/** Sizes from 1 to 43 kB, their contents incompressible enough: no two blocks alike. */
function writeManyFiles(directory: string): void {
  for (let index = 0; index < FILES; index++) {
    const folder = path.join(directory, String(index % 100));
    if (index < 100) mkdirSync(folder);
    const line = `${index} ${(index * 2654435761) >>> 0} `;
    writeFileSync(
      path.join(folder, `f${index}`),
      line.repeat(Math.ceil((1000 + (index % 43) * 1000) / line.length)),
    );
  }
}
