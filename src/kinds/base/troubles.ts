// The failures of base images that are not what they should be.

import { fail } from '../../model/failure.ts';
import type { ForeignFile } from '../../model/ports/machine.ts';

/** The failure of an image that needs another file. */
export function incomplete(name: string, missing: string): ReturnType<typeof fail> {
  return fail('usage', `the base image ${name} is incomplete: it refers to ${missing}`, {
    hint: 'flatten it: qemu-img convert -O qcow2 IMAGE base.qcow2',
  });
}

/** The failure of an image that only a password opens. */
export function encrypted(name: string): ReturnType<typeof fail> {
  return fail('usage', `the base image ${name} is encrypted`, {
    hint: 'use an image that is not encrypted; qemu-img convert decrypts one, see --image-opts and --object secret',
  });
}

/** The failure of an image that is not as it was made. */
export function damaged(name: string, why: string): ReturnType<typeof fail> {
  return fail('usage', `the base image ${name} is truncated or damaged: ${why}`, {
    hint: 'download it again; set base.sha256 in vlb.yaml to detect bad downloads early',
  });
}

/** What an image was in. */
export type Packing = 'none' | 'compressed' | 'archive';

/** The failure of a file that is something else. */
export function notADisk(
  name: string,
  { what, hint }: ForeignFile,
  packing: Packing,
): ReturnType<typeof fail> {
  const is = {
    none: `is ${what}`,
    compressed: `is compressed, and what is in it is ${what}`,
    archive: `is an archive with no disk: what is in it is ${what}`,
  }[packing];
  return fail('usage', `the base image ${name} ${is}`, { hint: hint ?? 'check base: in vlb.yaml' });
}
