// Looks for the external tools, and asks those whose version matters for it.

import type { Finding } from '../../model/ports/checkup.ts';
import { ARCHITECTURES } from '../boot/prepare.ts';
import { packageHint } from '../process/packages.ts';
import { isInstalled, run } from '../process/run.ts';
import { isRoot } from '../process/sudo.ts';
import type { TOOLS } from '../system/host.ts';

interface Tool {
  readonly group: string;
  readonly name: string;
  readonly purpose: string;
  readonly needed?: boolean;
  /** The first version that will do. Only tools with one are asked. */
  readonly atLeast?: string;
  /** Where to get it, where no package has it. */
  readonly cure?: string;
}

/** Every tool that a build looks for before it begins, and what is called by a root shell besides. */
const BUILD: Readonly<Record<(typeof TOOLS)[number] | 'umount', string>> = {
  'qemu-img': 'makes and measures disks',
  unshare: 'gives each layer namespaces of its own',
  setpriv: 'takes from scripts what reaches past them; ends QEMU when vlb is killed',
  losetup: 'makes a block device of a file',
  mount: 'mounts the disk that a script changes',
  umount: 'and unmounts it',
  blkid: 'tells which file system a partition has',
  partx: 'finds the partitions of a disk',
  fstrim: 'gives back the space of deleted files',
};

/** The FUSE export came with 6.0. */
const OLDEST_QEMU = '6.0';

const SCRIPTS = 'what scripts often call (those of vlb init do)';

/** All tools, whether they are there or not. */
export function lookForTools(): Promise<readonly Finding[]> {
  return Promise.all([...buildTools(), ...bootTools(), ...otherTools()].map(lookFor));
}

function buildTools(): readonly Tool[] {
  const group = 'vlb build';
  const common = Object.entries(BUILD).map(([name, purpose]) => ({ group, name, purpose, needed: true }));
  return [
    ...common.map((tool) => (tool.name === 'qemu-img' ? { ...tool, atLeast: OLDEST_QEMU } : tool)),
    {
      group,
      name: 'qemu-storage-daemon',
      purpose: 'shows a qcow2 disk as a plain file',
      needed: true,
      atLeast: OLDEST_QEMU,
    },
    ...(isRoot()
      ? []
      : [{ group, name: 'setsid', purpose: "keeps a terminal's ^C away from root's half", needed: true }]),
    { group, name: 'xz', purpose: 'unpacks base images in .xz' },
  ];
}

function bootTools(): readonly Tool[] {
  const group = 'vlb test-boot';
  const arch = ARCHITECTURES[process.arch];
  return [
    ...(arch ? [{ group, name: `qemu-system-${arch}`, purpose: 'boots images', atLeast: OLDEST_QEMU }] : []),
    { group, name: 'xorriso', purpose: 'makes the seed disk of test-boot/user-data' },
  ];
}

function otherTools(): readonly Tool[] {
  const nbd = 'vlb build --nbd';
  return [
    { group: nbd, name: 'qemu-nbd', purpose: 'connects a qcow2 disk to a network block device' },
    { group: nbd, name: 'flock', purpose: 'keeps two builds from one device' },
    { group: SCRIPTS, name: 'sfdisk', purpose: 'partitions disks' },
    { group: SCRIPTS, name: 'mkfs.ext4', purpose: 'makes ext4 file systems' },
    {
      group: SCRIPTS,
      name: 'mmdebstrap',
      purpose: 'makes Debian systems from packages',
      cure: 'without it, start from an image: vlb init --base cloud',
    },
    {
      group: SCRIPTS,
      name: 'apt-get',
      purpose: 'tells the scripts of vlb init which Debian mirror to use',
      cure: 'without it, start from an image: vlb init --base cloud',
    },
  ];
}

async function lookFor({ atLeast, cure, needed = false, ...tool }: Tool): Promise<Finding> {
  const { name } = tool;
  if (!isInstalled(name)) {
    const hint = packageHint(name);
    const known = hint !== `install ${name}`;
    return { ...tool, needed, state: 'missing', cure: known ? hint : (cure ?? hint) };
  }
  if (atLeast === undefined) return { ...tool, needed, state: 'ok' };
  const said = await run(name, ['--version']);
  if (!said.ok) {
    const detail = [said.failure.message, ...(said.failure.detail ?? [])].join(': ');
    return { ...tool, needed, state: 'problem', detail, cure: packageHint(name) };
  }
  const version = /\d+(\.\d+)+/.exec(said.value.stdout)?.[0] ?? '';
  return isOlder(version, atLeast)
    ? {
        ...tool,
        needed,
        state: 'problem',
        detail: `${version} is older than ${atLeast}`,
        cure: packageHint(name),
      }
    : { ...tool, needed, state: 'ok', detail: version };
}

/** Compares `7.2.1` with `6.0`; a text that is no version is not older. */
export function isOlder(version: string, minimum: string): boolean {
  if (version === '') return false;
  const wanted = minimum.split('.').map(Number);
  const found = version.split('.').map(Number);
  for (const [index, part] of wanted.entries()) {
    const other = found[index] ?? 0;
    if (other !== part) return other < part;
  }
  return false;
}
