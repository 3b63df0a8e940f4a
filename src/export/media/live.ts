// What the formats ramdisk and iso have in common: the kernel of the image, and an initramfs that has the system in it as a
// squashfs. No disk is needed to boot them, and nothing of the image's own initramfs, so that the distribution does not matter.

import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { visit } from '../../diff/compare.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { ExportJob, ExportTools } from '../../model/ports/exporter.ts';
import type { OpenDisk } from '../../model/ports/viewer.ts';
import { oneSystem, systemOf, watchGrowth } from '../system.ts';
import { fstabInMemory, kernelOf, modulesFor, squashCompressionOf } from './kernel.ts';

/** What mounting the squashfs takes. */
const MODULES = ['loop', 'squashfs', 'overlay'];

/** The programs of busybox that init.sh uses. */
const PROGRAMS = ['sh', 'cat', 'insmod', 'mkdir', 'mount', 'switch_root'];

/** The largest file that an initramfs can have, bytes. */
const LARGEST = 2 ** 32 - 1;

/** More bytes than that are not read of a text of the image. */
const MOST_TEXT = 16 * 1024 ** 2;

/** The parts of the work that are done when the squashfs is written, roughly, and how small it becomes. */
const [SQUASHED, RATIO] = [0.8, 0.4];

/** The files of a system that boots without a disk. */
export const KERNEL = 'vmlinuz';
export const INITRD = 'initrd';

const SERIAL: Readonly<Record<string, string>> = { x64: 'ttyS0,115200', arm64: 'ttyAMA0' };

/** The arguments of the kernel. The last console is that of init: on machines without a screen, it has to be the serial one. */
export function cmdlineOf(options: ExportJob['options']): string {
  const serial = SERIAL[process.arch];
  return options['cmdline'] ?? ['console=tty0', ...(serial ? [`console=${serial}`] : [])].join(' ');
}

/** The refusal of a machine whose files are on several disks. */
export const refusalOf = oneSystem;

/**
 * Writes the kernel and the initrd. Fails as `usage` for an image without a kernel, or whose kernel lacks a module; else as
 * `host`.
 */
export async function writeLive(
  { machine, disks: [disk], ...job }: ExportJob,
  directory: string,
  { media, packings }: Pick<ExportTools, 'media' | 'packings'>,
): Promise<Result<void>> {
  const { layers, mount } = systemOf(disk);
  const top = layers.at(-1);
  if (!top) throw new Error(`the disk ${disk.name} has no layers`);
  const busybox = media.busybox();
  if (!busybox.ok) return busybox;
  const viewer = await job.viewer();
  if (!viewer.ok) return viewer;
  const stage = path.join(job.scratch, 'initramfs');
  mkdirSync(stage);
  const squashfs = path.join(stage, 'root.squashfs');
  const filled = await visit(viewer.value, top.image, mount, async (system) => {
    const kernel = await takeKernel(system, machine.name, directory, stage, { packings, signal: job.signal });
    if (!kernel.ok) return kernel;
    const onGrowth = (part: number) => job.onProgress(part * SQUASHED);
    return watchGrowth(
      squashfs,
      disk.bytes * RATIO,
      onGrowth,
      system.squash(squashfs, squashCompressionOf(kernel.value.config)),
    );
  });
  if (!filled.ok) return filled;
  if (statSync(squashfs).size > LARGEST) {
    return fail('usage', `the files of ${machine.name} take more than 4 GiB as a squashfs`, {
      hint: 'an initramfs holds no larger file: make the image smaller',
    });
  }
  mkdirSync(path.join(stage, 'bin'));
  copyFileSync(busybox.value, path.join(stage, 'bin/busybox'));
  for (const program of PROGRAMS) symlinkSync('busybox', path.join(stage, 'bin', program));
  writeFileSync(path.join(stage, 'init'), readFileSync(new URL('./init.sh', import.meta.url)));
  for (const program of ['init', 'bin/busybox']) chmodSync(path.join(stage, program), 0o755);
  const written = await media.initramfs(stage, path.join(directory, INITRD), job.signal);
  rmSync(stage, { recursive: true });
  return written;
}

/** Copies the kernel to `directory`, and what it needs to `stage`. */
async function takeKernel(
  system: OpenDisk,
  machine: string,
  directory: string,
  stage: string,
  { packings, signal }: Pick<ExportTools, 'packings'> & Pick<ExportJob, 'signal'>,
): Promise<Result<{ readonly config: string }>> {
  const list = await system.list();
  if (!list.ok) return list;
  const kernel = kernelOf(list.value.flatMap(({ type, path }) => (type === 'file' ? [path] : [])));
  if (!kernel) {
    return fail('usage', `the image of ${machine} has no kernel with its modules`, {
      hint: 'install one in a layer; on Debian: apt-get install linux-image-amd64',
    });
  }
  const copied = await system.copy(kernel.file);
  if (!copied.ok) return copied;
  copyFileSync(copied.value.file, path.join(directory, KERNEL));
  chmodSync(path.join(directory, KERNEL), 0o644);
  const text = async (file: string | undefined) => {
    const bytes = file === undefined ? ok(Buffer.alloc(0)) : await system.read(file, MOST_TEXT);
    return bytes.ok ? ok(bytes.value.toString()) : bytes;
  };
  const dependencies = await text(`${kernel.modules}/modules.dep`);
  if (!dependencies.ok) return dependencies;
  const builtin = await text(`${kernel.modules}/modules.builtin`);
  if (!builtin.ok) return builtin;
  const config = await text(kernel.config);
  if (!config.ok) return config;
  const fstab = await text('/etc/fstab');
  if (!fstab.ok) return fstab;
  writeFileSync(path.join(stage, 'fstab'), fstabInMemory(fstab.value));
  const modules = modulesFor(MODULES, kernel, dependencies.value, builtin.value);
  if (!modules.ok) return modules;
  mkdirSync(path.join(stage, 'modules'));
  const order: string[] = [];
  for (const module of modules.value) {
    const taken = await system.copy(path.posix.join(kernel.modules, module));
    if (!taken.ok) return taken;
    const [, name = '', packed = ''] = /([^/]+\.ko)(?:\.(\w+))?$/.exec(module) ?? [];
    const target = path.join(stage, 'modules', name);
    const format = ([...PACKED] as const).find((one) => one === packed);
    if (format === undefined) copyFileSync(taken.value.file, target);
    else {
      const unpacked = await packings.decompress(format, taken.value.file, target, signal);
      if (!unpacked.ok) return unpacked;
    }
    chmodSync(target, 0o644);
    order.push(`${name}\n`);
  }
  writeFileSync(path.join(stage, 'modules/order'), order.join(''));
  return ok({ config: config.value });
}

const PACKED = ['gz', 'xz', 'zst'] as const;
