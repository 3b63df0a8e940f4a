// This machine's programs in a guest, for scripts of modify-disk and for installations: its /usr, which QEMU shows read-only, and a copy of
// what programs need of its /etc.

import { constants, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { attempt } from '../../util/errors.ts';
import { isAllowed } from '../../util/fs.ts';
import { findTool } from '../process/run.ts';
import type { Kernel } from './kernel.ts';

/** The modules of the file system that shows it. */
export const SHARING_MODULES = ['9p', '9pnet_virtio'];

/** Nothing in them is secret; the credentials for package archives, which are in `apt`, are left out. */
const SETTINGS = [
  ...[
    'alternatives',
    'apt',
    'ca-certificates',
    'crypto-policies',
    'debian_version',
    'dnf',
    'dpkg',
    'group',
    'grub.d',
  ],
  ...[
    'hosts',
    'ld.so.cache',
    'ld.so.conf',
    'ld.so.conf.d',
    'mke2fs.conf',
    'nsswitch.conf',
    'os-release',
    'passwd',
    'pki/tls/certs',
  ],
  ...['protocols', 'services', 'ssl/certs', 'ssl/openssl.cnf', 'yum.repos.d'],
];
const LEFT_OUT = /^apt\/auth\.conf/;
const LARGEST = 2 ** 20;

/** QEMU's options for it. init.sh knows the tag. */
export const SHARING = [
  ...['-fsdev', 'local,id=usr,path=/usr,security_model=none,readonly=on,multidevs=remap'],
  ...['-device', 'virtio-9p-pci,fsdev=usr,mount_tag=vlb-usr'],
];

/** Fails as `host` where the kernel of a guest cannot mount it. */
export function checkSharing({ file, modules }: Kernel): Result<void> {
  const known = ['modules.dep', 'modules.builtin'].some((list) =>
    attempt(() => readFileSync(path.join(modules, list), 'utf8'))?.match(/\/9p\.ko/),
  );
  if (known) return ok();
  return fail(
    'host',
    `the kernel ${file} cannot show programs of this machine to a virtual machine: it has no 9p`,
    {
      hint: 'use the kernel for all machines, such as that of linux-image-amd64 or linux-image-generic, and not one for clouds: VLB_VM_KERNEL',
    },
  );
}

/** Fails as `host` for a program that is not in what a guest has of this machine. */
export function checkShown(tools: readonly string[]): Result<void> {
  for (const tool of tools) {
    const file = findTool(tool);
    const place = file === undefined ? undefined : realpathSync(file);
    if (place === undefined || place.startsWith('/usr/')) continue;
    return fail(
      'host',
      `the backend vm cannot run ${tool}, which is ${place}: it has only /usr of this machine`,
      {
        hint: 'install it below /usr, or use --backend fuse for these layers',
      },
    );
  }
  return ok();
}

/** A file or a link below /etc. */
export interface Settings {
  /** Relative to /etc. */
  readonly name: string;
  readonly target?: string;
}

/** What a guest gets of /etc, as far as this user can read it. */
export function settingsHere(etc = '/etc'): readonly Settings[] {
  return SETTINGS.flatMap((name) => settingsBelow(etc, name));
}

function settingsBelow(etc: string, name: string): readonly Settings[] {
  const file = path.join(etc, name);
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (!stat || LEFT_OUT.test(name)) return [];
  if (stat.isSymbolicLink()) return [{ name, target: readlinkSync(file) }];
  if (stat.isDirectory()) {
    const inside = attempt(() => readdirSync(file)) ?? [];
    return inside.flatMap((entry) => settingsBelow(etc, `${name}/${entry}`));
  }
  return stat.isFile() && stat.size <= LARGEST && isAllowed(file, constants.R_OK) ? [{ name }] : [];
}
