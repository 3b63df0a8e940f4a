// The total cost of one layer whose script does nothing: from the empty delta to the commit.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { tinyDisk } from '../../test/rig/tiny.ts';
import { output, seconds } from '../lib/command.ts';
import { type Contender, compare, printFigures } from '../lib/compare.ts';
import { debianProject } from '../lib/debian.ts';
import { buildOne, vlbSeconds, writeScript } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';
import { has } from '../lib/tools.ts';

const ROUNDS = 15;
const LAYER = '20_true';

export async function trivial(scratch: Scratch): Promise<void> {
  const project = scratch.make('trivial');
  writeScript(project, '10_base', 'modify-disk', tinyDisk());
  writeScript(project, LAYER, 'build-layer', '#!/bin/sh\n# nocache\ntrue\n');
  vlbSeconds(project, 'build');
  const layer = () => buildOne(project, LAYER, `--force=${LAYER}`);
  const contenders: Contender[] = [
    { name: 'vlb: the layer', run: () => layer().layer },
    { name: 'vlb: the whole of vlb build', run: () => layer().whole },
  ];
  if (has('buildah')) contenders.push(buildahRun(scratch.make('trivial-buildah')));
  if (has('virt-customize')) contenders.push(...virtCustomize(scratch));
  printFigures(await compare(contenders, ROUNDS));
}

/** `buildah run` alone: what it changed is not yet committed. */
function buildahRun(directory: string): Contender {
  const storage = ['--root', path.join(directory, 'root'), '--runroot', path.join(directory, 'runroot')];
  const buildah = ['buildah', ...storage, '--storage-driver', 'overlay'];
  const container = output([...buildah, 'from', 'scratch']).trim();
  output([...buildah, 'copy', container, '/bin/busybox', '/bin/busybox']);
  const argv = [...buildah, 'run', '--isolation', 'chroot', container, '/bin/busybox', 'true'];
  return { name: 'buildah run', run: () => seconds(argv) };
}

/** It needs a system that it knows, so it gets a Debian. */
function virtCustomize(scratch: Scratch): Contender[] {
  const project = debianProject(scratch, 'trivial-debian');
  if (project === undefined) return [];
  const base = path.join(project, 'build/10_base.qcow2');
  const disk = path.join(project, 'disk.qcow2');
  // A machine can have a /dev/kvm that runs no guest.
  const kvm = ['kvm_intel', 'kvm_amd'].some((module) => existsSync(`/sys/module/${module}`));
  const env = {
    LIBGUESTFS_BACKEND: 'direct',
    LIBGUESTFS_CACHEDIR: project,
    ...(kvm ? {} : { LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' }),
  };
  const run = () => {
    output(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', disk]);
    return seconds(['virt-customize', '--quiet', '--add', disk, '--run-command', 'true'], { env });
  };
  return [{ name: `virt-customize (${kvm ? 'KVM' : 'TCG'})`, run, rounds: 1 }];
}
