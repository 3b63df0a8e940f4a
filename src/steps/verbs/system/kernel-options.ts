// kernel-options: what the boot loader passes to the kernel.

import * as v from 'valibot';
import { changeKernelOptions } from '../../../distro/boot-loader.ts';
import { ok } from '../../../model/failure.ts';
import { asList, mapping, oneOf, oneOrMany, pattern } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

const OPTION_RULE = 'must be an option of the kernel, without blanks and quotes';
const OPTION = pattern(OPTION_RULE, /^[A-Za-z0-9_][A-Za-z0-9_.,:=@/+%!~^-]*$/);

const SCHEMA = oneOf(`${OPTION_RULE}, a list, or a mapping with "add" and "remove"`, [
  OPTION,
  v.pipe(v.array(OPTION), v.minLength(1, 'must not be empty')),
  v.pipe(
    mapping({
      add: v.optional(oneOrMany(OPTION_RULE, OPTION)),
      remove: v.optional(oneOrMany(OPTION_RULE, OPTION)),
    }),
    v.check(({ add, remove }) => (add ?? remove) !== undefined, 'must have add or remove'),
  ),
]);

export const KERNEL_OPTIONS = defineVerb({
  name: 'kernel-options',
  summary:
    'Adds options to the kernel’s command line, and removes some, by their whole text or their name. The boot loader’s configuration is generated: by GRUB, grubby, extlinux or in the entries of systemd-boot',
  examples: [
    "kernel-options: 'console=ttyS0,115200'",
    'kernel-options: { add: [mitigations=auto, net.ifnames=0], remove: [quiet, splash] }',
  ],
  schema: SCHEMA,
  title: (args) => {
    const { add, remove } = optionsOf(args);
    return [...add, ...remove.map((option) => `-${option}`)].join(' ');
  },
  compile: (args, { distribution }) => ok({ shell: changeKernelOptions(distribution, optionsOf(args)) }),
});

function optionsOf(args: v.InferOutput<typeof SCHEMA>) {
  if (typeof args === 'string' || Array.isArray(args)) return { add: asList(args), remove: [] };
  return 'add' in args || 'remove' in args
    ? { add: asList(args.add), remove: asList(args.remove) }
    : { add: [], remove: [] };
}
