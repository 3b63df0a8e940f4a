// What an installer boots from: its kernel, and its initial ramdisk with the answers to its questions.

import { createReadStream, createWriteStream, lstatSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail, failAt, ok, type Result } from '../../../model/failure.ts';
import type { Installation, InstallerFiles } from '../../../model/ports/guest.ts';
import { cpioOf, FILE } from '../../media/cpio.ts';
import { isInstalled, missingTool, run } from '../../process/run.ts';

/** Where distributions have kernel and initial ramdisk on their discs. */
const PLACES = [
  ['/install.amd/vmlinuz', '/install.amd/initrd.gz'], // Debian
  ['/install.a64/vmlinuz', '/install.a64/initrd.gz'],
  ['/images/pxeboot/vmlinuz', '/images/pxeboot/initrd.img'], // Fedora, RHEL and what is made from them
  ['/casper/vmlinuz', '/casper/initrd'], // Ubuntu
  ['/boot/x86_64/loader/linux', '/boot/x86_64/loader/initrd'], // openSUSE
  ['/boot/vmlinuz-virt', '/boot/initramfs-virt'], // Alpine
] as const;

/** Where the console of each processor is: the serial port of the machine. */
const CONSOLES: Readonly<Record<string, string>> = { x64: 'ttyS0', arm64: 'ttyAMA0' };

/**
 * Makes a directory with the files `vmlinuz`, `initrd` and `cmdline`, as a machine boots from them. Fails as `usage` where a disc has none, and
 * as `host`.
 * @param directory of the run's own, which need not exist yet
 */
export async function makeMedium(
  { from, answers, kernelArguments }: Pick<Installation, 'from' | 'answers' | 'kernelArguments'>,
  directory: string,
  signal: AbortSignal,
): Promise<Result<void>> {
  const file = (name: string) => path.join(directory, name);
  try {
    await mkdir(directory, { recursive: true });
    const placed = await place(from, file('vmlinuz'), file('bare-initrd'), signal);
    if (!placed.ok) return placed;
    const initrd = from.type === 'files' ? from.initrd : file('bare-initrd');
    await pipeline(withAnswers(initrd, answers), createWriteStream(file('initrd')), { signal });
    const console = `console=${CONSOLES[process.arch] ?? 'ttyS0'}`;
    const words = [...answeringArguments(answers?.name), console, kernelArguments];
    writeFileSync(file('cmdline'), `${words.filter((word) => word !== '').join(' ')}\n`);
    return ok();
  } catch (error) {
    if (signal.aborted) return fail('interrupted', 'preparing the installer was interrupted');
    return failAt(directory, 'cannot prepare the installer', error);
  }
}

async function place(
  from: InstallerFiles,
  kernel: string,
  initrd: string,
  signal: AbortSignal,
): Promise<Result<void>> {
  if (from.type === 'files') {
    await pipeline(createReadStream(from.kernel), createWriteStream(kernel), { signal });
    return ok();
  }
  if (!isInstalled('xorriso')) return missingTool('xorriso');
  const given = from.kernel !== undefined && from.initrd !== undefined;
  const places = given ? [[from.kernel, from.initrd] as const] : PLACES;
  for (const [one, other] of places) {
    const words = ['-osirrox', 'on', '-indev', from.disc, '-extract', one, kernel, '-extract', other, initrd];
    const extracted = await run('xorriso', ['-report_about', 'FAILURE', ...words], {
      signal,
      okStatuses: Array.from({ length: 256 }, (_, status) => status),
    });
    if (!extracted.ok) return extracted;
    if (extracted.value.status === 0) return regular(from.disc, [one, kernel], [other, initrd]);
  }
  const where = { file: from.disc };
  if (given) return fail('usage', `the disc has no ${from.kernel}, or no ${from.initrd}`, { where });
  return fail('usage', 'the disc has no installer where one is expected', {
    where,
    detail: PLACES.map((names) => names.join(' ')),
    hint: 'name its files: base.installer.kernel and base.installer.initrd, as paths in the ISO image',
  });
}

/** What is extracted may be a link, which must not be followed on this machine. Fails as `usage`. */
function regular(disc: string, ...files: readonly (readonly [string, string])[]): Result<void> {
  const link = files.find(([, file]) => !lstatSync(file).isFile());
  if (!link) return ok();
  return fail('usage', `${link[0]} is not a file in the ISO image`, {
    where: { file: disc },
    hint: 'if it is a link, name the file that it leads to: base.installer.kernel and base.installer.initrd',
  });
}

/** The kernel unpacks several archives, each at a multiple of four bytes: Documentation/driver-api/early-userspace/buffer-format.rst. */
async function* withAnswers(initrd: string, answers: Installation['answers']): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const piece of createReadStream(initrd)) {
    size += piece.length;
    yield piece;
  }
  if (!answers) return;
  yield Buffer.alloc(-size & 511);
  const { name, content } = answers;
  yield* cpioOf([{ name: placeOf(name), mode: FILE, content }]);
}

/** What makes the installers ask nothing, and read the answers. */
function answeringArguments(name: string | undefined): readonly string[] {
  if (name === undefined) return [];
  if (isKickstart(name)) return ['inst.ks=file:/ks.cfg', 'inst.cmdline'];
  // debian-installer reads /preseed.cfg without being asked.
  return isPreseed(name) ? ['auto=true', 'priority=critical', 'DEBIAN_FRONTEND=text'] : [];
}

/** The name in the initial ramdisk. */
function placeOf(name: string): string {
  if (isKickstart(name)) return 'ks.cfg';
  return isPreseed(name) ? 'preseed.cfg' : name;
}

/** `ks.cfg`, `anaconda-ks.cfg`, `web.ks` */
function isKickstart(name: string): boolean {
  return /(^|[-_.])ks\.cfg$|\.ks$/.test(name);
}

function isPreseed(name: string): boolean {
  return !isKickstart(name) && /\.(cfg|seed|preseed)$/.test(name);
}
