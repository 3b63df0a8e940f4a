// What a machine boots from: a disk, a disc, or a kernel that is given to it.

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { failAt, ok, type Result } from '../../model/failure.ts';
import type { DiskImage } from '../../model/ports/viewer.ts';
import { attempt } from '../../util/errors.ts';
import { isFile, withFile } from '../../util/fs.ts';
import { openImage } from '../images/open-image.ts';

export type Medium =
  | { readonly type: 'disk'; readonly image: DiskImage }
  /** An ISO image. */
  | { readonly type: 'disc'; readonly file: string }
  | { readonly type: 'kernel'; readonly kernel: string; readonly initrd: string; readonly cmdline: string };

/** The path of a medium, for messages. */
export function mediumFile(medium: Medium): string {
  if (medium.type === 'disk') return medium.image.file;
  return medium.type === 'disc' ? medium.file : medium.kernel;
}

/**
 * Opens what is at a path: an image in any format, an ISO image, or a directory as the export format ramdisk writes it. Fails as
 * `openImage` does.
 */
export async function openMedium(file: string, signal: AbortSignal): Promise<Result<Medium>> {
  const [kernel, initrd, cmdline] = [
    path.join(file, 'vmlinuz'),
    path.join(file, 'initrd'),
    path.join(file, 'cmdline'),
  ];
  if (isFile(kernel) && isFile(initrd)) {
    try {
      const text = existsSync(cmdline) ? readFileSync(cmdline, 'utf8').trim() : '';
      return ok({
        type: 'kernel',
        kernel: realpathSync(kernel),
        initrd: realpathSync(initrd),
        cmdline: text,
      });
    } catch (error) {
      return failAt(file, 'cannot read the kernel', error);
    }
  }
  if (isFile(file) && attempt(() => withFile(file, (read) => isIso(read(ISO_AT, ISO.length))))) {
    return ok({ type: 'disc', file: realpathSync(file) });
  }
  const image = await openImage(file, 'booted', signal);
  return image.ok ? ok({ type: 'disk', image: image.value }) : image;
}

/** ECMA-119, 8.4: the identifier of the first volume descriptor, which is in sector 16. */
const ISO_AT = 16 * 2048 + 1;
const ISO = 'CD001';

function isIso(bytes: Buffer): boolean {
  return bytes.toString('latin1') === ISO;
}
