// The guest's root file system, which is in its memory: the root side's tools as this machine has them, modules, the agent.

import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import { namesIn } from '../../util/fs.ts';
import { cpioOf, DIRECTORY, type Entry, FILE, LINK, PROGRAM } from '../media/cpio.ts';
import { findTool, missingTool, run } from '../process/run.ts';
import { NAME_SERVERS } from '../root/agent.ts';
import { AGENT } from '../root/root-shell.ts';
import { SHARING_MODULES, settingsHere } from './host-tools.ts';
import type { Kernel } from './kernel.ts';

const INIT = fileURLToPath(new URL('./init.sh', import.meta.url));

/** What the root side cannot do without. */
const NEEDED = [
  ...[
    'sh',
    'modprobe',
    'mount',
    'umount',
    'unshare',
    'nsenter',
    'setpriv',
    'losetup',
    'blkid',
    'partx',
    'sfdisk',
  ],
  ...[
    'fstrim',
    'blkdiscard',
    'blockdev',
    'findmnt',
    'fsfreeze',
    'flock',
    'setsid',
    'script',
    'hostname',
    'ip',
  ],
  ...[
    'cat',
    'chmod',
    'chown',
    'cksum',
    'cp',
    'cut',
    'dd',
    'du',
    'env',
    'head',
    'id',
    'ln',
    'ls',
    'mkdir',
    'mkfifo',
  ],
  ...[
    'mknod',
    'mktemp',
    'mv',
    'readlink',
    'realpath',
    'rm',
    'rmdir',
    'sleep',
    'sort',
    'stat',
    'sync',
    'tail',
  ],
  ...[
    'timeout',
    'touch',
    'tr',
    'stty',
    'true',
    'tty',
    'uname',
    'wc',
    'base64',
    'cmp',
    'find',
    'grep',
    'sed',
    'tar',
    'xargs',
  ],
  ...['chattr', 'lsattr', 'e2fsck', 'resize2fs', 'mke2fs', 'tune2fs'],
] as const;

/** What some disks need. Where this machine lacks a tool, disks that need it cannot be used in the guest either. */
const OPTIONAL = [
  ...['wipefs', 'mkswap', 'mkfs.ext4', 'mkfs.xfs', 'xfs_repair', 'xfs_growfs', 'mkfs.btrfs', 'btrfs'],
  ...[
    'mkfs.vfat',
    'fsck.vfat',
    'lvm',
    'vgchange',
    'vgscan',
    'pvcreate',
    'vgcreate',
    'lvcreate',
    'cryptsetup',
    'dmsetup',
    'pvs',
    'vgs',
    'lvs',
    'lvremove',
    'vgremove',
    'lvextend',
  ],
  ...['getfattr', 'setfattr', 'sha256sum'],
  // For scripts of modify-disk, which run beside these tools.
  ...[
    'bash',
    'awk',
    'busybox',
    'curl',
    'cpio',
    'date',
    'echo',
    'expr',
    'false',
    'gzip',
    'kill',
    'mountpoint',
  ],
  ...[
    'printf',
    'diff',
    'less',
    'strings',
    'md5sum',
    'file',
    'ps',
    'seq',
    'sgdisk',
    'tee',
    'test',
    'uniq',
    'unzip',
    'wget',
    'xz',
    'zstd',
    'bzip2',
    'parted',
  ],
  ...['mkfs.ext2', 'mkfs.ext3', 'lsblk', 'truncate', 'chroot'],
];

/** The modules that the guest may load, by the names of their files without `.ko`; those built into the kernel are not there. */
const MODULES = [
  ...[
    'virtio_pci',
    'virtio_console',
    'virtio_net',
    'virtio-rng',
    'nvme',
    'loop',
    'ext4',
    'xfs',
    'btrfs',
    'vfat',
  ],
  ...[
    'nls_cp437',
    'nls_ascii',
    'nls_iso8859-1',
    'nls_utf8',
    'isofs',
    'squashfs',
    'overlay',
    'dm-mod',
    'dm-crypt',
  ],
  ...[
    'dm-snapshot',
    'dm-thin-pool',
    'dm-mirror',
    'dm-raid',
    'xts',
    'cbc',
    'essiv',
    'algif_skcipher',
    'algif_hash',
    'sha512_generic',
    'aesni-intel',
    'crc32c_generic',
    'crc32c-intel',
  ],
  ...SHARING_MODULES,
];

/** The tools without which no guest can be started, and that this machine lacks. */
export function missingTools(): readonly string[] {
  return NEEDED.filter((tool) => findTool(tool) === undefined);
}

/** Writes the initramfs to a new file, with settings for programs of this machine if it has these. Fails as `host` with the package of a tool that this machine lacks. */
export async function writeInitramfs(
  kernel: Kernel,
  target: string,
  { hasHostTools = false, signal }: { readonly hasHostTools?: boolean; readonly signal?: AbortSignal } = {},
): Promise<Result<void>> {
  /** Their names by their files: lvm(8) alone has ten. */
  const tools = new Map<string, string[]>();
  for (const tool of [...NEEDED, ...OPTIONAL]) {
    const file = findTool(tool);
    const real = file === undefined ? undefined : realpathSync(file);
    if (real !== undefined) tools.set(real, [...(tools.get(real) ?? []), tool]);
    else if (NEEDED.some((name) => name === tool)) return missingTool(tool);
  }
  const libraries = await librariesOf([...tools.keys()], signal);
  if (!libraries.ok) return libraries;
  try {
    const tree = new Tree();
    for (const name of ['proc', 'sys', 'dev', 'run', 'tmp', 'etc', 'mnt', 'root', 'usr/bin'])
      tree.directory(name);
    tree.link('bin', '/usr/bin');
    tree.link('sbin', '/usr/sbin');
    tree.link('usr/sbin', '/usr/bin');
    tree.link('etc/resolv.conf', NAME_SERVERS);
    for (const name of ['lib', 'lib64', 'lib32']) tree.link(name, `/usr/${name}`);
    for (const [file, [first = '', ...others]] of tools) {
      await tree.copy(file, `usr/bin/${first}`, PROGRAM);
      for (const name of others) tree.link(`usr/bin/${name}`, first);
    }
    for (const file of threadLibrary(libraries.value))
      await tree.copy(file, file.replace(/^\/(usr\/)?/, 'usr/'), PROGRAM);
    for (const file of libraries.value) await tree.copy(file, file.replace(/^\/(usr\/)?/, 'usr/'), PROGRAM);
    for (const file of modulesOf(kernel)) {
      await tree.copy(path.join(kernel.modules, file), `usr/lib/modules/${kernel.version}/${file}`, FILE);
    }
    // In the source the agent reads the files beside it, in the bundle it is one file.
    await tree.copy(AGENT, 'agent/agent.sh', FILE);
    const parts = namesIn(path.dirname(AGENT)).filter((name) => name.endsWith('.sh'));
    for (const name of parts) await tree.copy(path.join(path.dirname(AGENT), name), `agent/${name}`, FILE);
    await tree.copy(INIT, 'init', PROGRAM);
    if (hasHostTools) await addHostTools(tree);
    signal?.throwIfAborted();
    await writeFile(target, cpioOf(tree.entries), { flag: 'wx', mode: 0o600, signal });
    return ok();
  } catch (error) {
    if (signal?.aborted) return fail('interrupted', 'the start of the virtual machine was interrupted');
    return failAt(target, 'cannot make the file system of the virtual machine', error);
  }
}

/** Where agent/sandbox.sh finds this machine's programs and settings, and what package managers look for. */
async function addHostTools(tree: Tree): Promise<void> {
  tree.directory('agent/host/usr');
  for (const { name, target } of settingsHere()) {
    if (target === undefined) await tree.copy(`/etc/${name}`, `agent/host/etc/${name}`, FILE);
    else tree.link(`agent/host/etc/${name}`, target);
  }
  tree.link('agent/host/etc/resolv.conf', NAME_SERVERS);
  for (const name of [
    'var/lib/dpkg',
    'var/lib/apt/lists/partial',
    'var/cache/apt/archives/partial',
    'var/log',
    'home',
    'srv',
  ]) {
    tree.directory(name);
  }
  tree.write('var/lib/dpkg/status', '');
}

/** The paths of the libraries that programs need, by what ldd(1) prints: programs of this machine, which it trusts. */
async function librariesOf(
  programs: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Result<readonly string[]>> {
  // Status 1: a script or a static program.
  const options = { okStatuses: [0, 1], discardErrors: true, ...(signal ? { signal } : {}) };
  const listed = await run('ldd', programs, options);
  if (!listed.ok) return listed;
  const paths = listed.value.stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm);
  return ok([...new Set([...paths].map(([, file = '']) => file))]);
}

/** What glibc loads when a thread ends, as those of cryptsetup do; no program lists it. */
function threadLibrary(libraries: readonly string[]): readonly string[] {
  const libc = libraries.find((file) => path.basename(file) === 'libc.so.6');
  const file = path.join(path.dirname(libc ?? '/'), 'libgcc_s.so.1');
  return existsSync(file) ? [file] : [];
}

/** The modules and those that they depend on, with the lists that modprobe reads, relative to the directory of modules. */
function modulesOf({ modules }: Kernel): string[] {
  const dependencies = new Map<string, readonly string[]>();
  for (const line of readFileSync(path.join(modules, 'modules.dep'), 'utf8').split('\n')) {
    const [file, others] = line.split(':');
    if (file) dependencies.set(file, others?.trim().split(' ').filter(Boolean) ?? []);
  }
  const wanted = [...dependencies.keys()].filter((file) =>
    MODULES.includes(path.basename(file).replace(/\.ko(\.\w+)?$/, '')),
  );
  const files = new Set(wanted.flatMap((file) => [file, ...(dependencies.get(file) ?? [])]));
  const lists = namesIn(modules).filter((name) => /^modules\.(dep|alias|softdep|symbols|builtin)/.test(name));
  return [...files, ...lists];
}

/** Entries of an archive, each once and after its directory. */
class Tree {
  readonly #entries = new Map<string, Entry>();

  get entries(): Entry[] {
    return [...this.#entries.values()];
  }

  directory(name: string): void {
    if (name === '.' || this.#entries.has(name)) return;
    this.directory(path.dirname(name));
    this.#entries.set(name, { name, mode: DIRECTORY });
  }

  link(name: string, target: string): void {
    this.directory(path.dirname(name));
    this.#entries.set(name, { name, mode: LINK, content: Buffer.from(target) });
  }

  write(name: string, text: string): void {
    this.directory(path.dirname(name));
    this.#entries.set(name, { name, mode: FILE, content: Buffer.from(text) });
  }

  /** Copies a file, or what a link leads to. */
  async copy(source: string, name: string, mode: number): Promise<void> {
    const file = realpathSync(source);
    if (this.#entries.has(name) || !lstatSync(file).isFile()) return;
    this.directory(path.dirname(name));
    this.#entries.set(name, { name, mode, content: await readFile(file) });
  }
}
