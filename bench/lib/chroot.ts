// A script in a chroot in a plain directory: what a layer's run is measured against. Needs root, as vlb does.

import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { output, seconds } from './command.ts';

/** The mounts that vlb makes as well; everything ends with the namespaces. */
const ENTER = `set -eu
cd "$1"
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs run
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs dev
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \\
  chroot . /script
`;

/** Unpacks a system into a new directory. */
export function unpackSystem(tar: string, directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  output(['mkdir', directory]);
  output(['tar', '-xf', tar, '-C', directory]);
  writeFileSync(path.join(directory, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n');
  chmodSync(path.join(directory, 'usr/sbin/policy-rc.d'), 0o755);
  // What unpacking left to be written is not the script's.
  output(['sync', '--file-system', directory]);
}

/** Runs a script in it; returns seconds, with the time it takes until everything is on the disk: a layer is, too. */
export function runInDirectory(directory: string, script: string): number {
  writeFileSync(path.join(directory, 'script'), script);
  chmodSync(path.join(directory, 'script'), 0o755);
  const namespaces = ['unshare', '--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child'];
  const ran = seconds([...namespaces, 'sh', '-c', ENTER, 'sh', directory]);
  return ran + seconds(['sync', '--file-system', directory]);
}
