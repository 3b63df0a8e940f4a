// The schema of `base.installer` in vlb.yaml: the files of an installer, and the machine that it runs in.

import * as v from 'valibot';
import { parseDuration } from '../../../util/units.ts';
import { fields, isUrl, text } from '../fields.ts';
import { cpus, memory } from './machine.ts';

const RULE = 'must be a mapping with kernel and initrd, or with iso';
const PLACE_RULE = 'must be a path, or an http or https URL';
const TIMEOUT_RULE = 'must be a time like 90m or 3h';
const DIGEST_RULE = 'must be 64 hexadecimal digits';

const place = v.pipe(
  text(PLACE_RULE),
  v.nonEmpty(PLACE_RULE),
  v.check((given) => !given.includes('://') || (isUrl(given) && URL.canParse(given)), PLACE_RULE),
);

const digest = v.pipe(text(), v.regex(/^[0-9A-Fa-f]{64}$/, DIGEST_RULE));

export const installer = v.pipe(
  fields('base.installer.', RULE, {
    kernel: v.optional(
      v.pipe(place, v.description('Its kernel: a path or URL; with iso, a path in that image.')),
    ),
    initrd: v.optional(
      v.pipe(place, v.description('Its initial ramdisk: a path or URL; with iso, a path in that image.')),
    ),
    iso: v.optional(
      v.pipe(
        place,
        v.description('Path or URL of an ISO image, which has the kernel and the initial ramdisk.'),
      ),
    ),
    'kernel-sha256': v.optional(v.pipe(digest, v.description('SHA-256 of the kernel. A URL requires it.'))),
    'initrd-sha256': v.optional(
      v.pipe(digest, v.description('SHA-256 of the initial ramdisk. A URL requires it.')),
    ),
    'iso-sha256': v.optional(v.pipe(digest, v.description('SHA-256 of the ISO image. A URL requires it.'))),
    arguments: v.optional(
      v.pipe(
        text(),
        v.regex(/^[ -~]*$/, 'must be one line'),
        v.description("Added to the kernel's command line."),
      ),
    ),
    memory: v.optional(v.pipe(memory, v.description('Memory, like 2G. Default: 1G.'))),
    cpus: v.optional(v.pipe(cpus, v.description('Number of processors. Default: 2.'))),
    network: v.optional(
      v.pipe(
        v.picklist(['user', 'none'], 'must be user or none'),
        v.description('Network: user, the default, or none.'),
      ),
    ),
    timeout: v.optional(
      v.pipe(
        text(TIMEOUT_RULE),
        v.check((time) => parseDuration(time) !== undefined, TIMEOUT_RULE),
        v.description('How long it may take. Default: 2h.'),
      ),
    ),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { value: input } = dataset;
    const refuse = (key: keyof typeof input, message: string) =>
      addIssue({ message, path: [{ type: 'object', origin: 'value', input, key, value: input[key] }] });
    const { kernel, initrd, iso } = input;
    if ((kernel === undefined) !== (initrd === undefined)) {
      return kernel === undefined
        ? refuse('initrd', 'requires base.installer.kernel')
        : refuse('kernel', 'requires base.installer.initrd');
    }
    if (iso === undefined && kernel === undefined) return addIssue({ message: RULE });
    for (const name of ['kernel', 'initrd', 'iso'] as const) {
      if (input[name] === undefined && input[`${name}-sha256`] !== undefined) {
        return refuse(`${name}-sha256`, `requires base.installer.${name}`);
      }
    }
    for (const name of iso === undefined ? (['kernel', 'initrd'] as const) : (['iso'] as const)) {
      if (isUrl(input[name] ?? '') && input[`${name}-sha256`] === undefined) {
        return refuse(name, `is a URL, which requires base.installer.${name}-sha256`);
      }
    }
    for (const name of ['kernel', 'initrd'] as const) {
      if (iso === undefined || input[name] === undefined) continue;
      if (isUrl(input[name])) return refuse(name, 'must be a path in the ISO image');
      if (input[`${name}-sha256`] !== undefined) {
        return refuse(`${name}-sha256`, 'cannot be combined with base.installer.iso');
      }
    }
  }),
);
