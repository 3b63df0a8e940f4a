// selinux: the mode of SELinux, and the labels of all files.

import * as v from 'valibot';
import { KEPT } from '../../../distro/packages/port.ts';
import { stop } from '../../../distro/shell-text.ts';
import { ok } from '../../../model/failure.ts';
import { mapping, oneOf } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

const MODES = ['enforcing', 'permissive', 'disabled'] as const;
const MODE_RULE = `valid values: ${MODES.join(', ')}`;

/** Where the chroot has what is not the image's. */
const OTHERS = ['/proc', '/sys', '/dev', '/run', '/tmp', '/mnt', KEPT]
  .map((place) => `-e ${place}`)
  .join(' ');

const RELABEL = `. /etc/selinux/config
contexts=/etc/selinux/$SELINUXTYPE/contexts/files/file_contexts
if command -v setfiles >/dev/null; then
  setfiles -F ${OTHERS} "$contexts" /
else
  touch /.autorelabel
fi`;

export const SELINUX = defineVerb({
  name: 'selinux',
  summary:
    'Sets the mode of SELinux. `relabel: true` labels all files, with setfiles of the image, or else at the first boot; vlb itself labels the files that a layer changes',
  examples: ['selinux: permissive', 'selinux: { mode: enforcing, relabel: true }'],
  schema: oneOf(`${MODE_RULE}, or a mapping with "mode" and "relabel"`, [
    v.picklist(MODES, MODE_RULE),
    v.pipe(
      mapping({
        mode: v.optional(v.picklist(MODES, MODE_RULE)),
        relabel: v.optional(v.boolean('must be true or false')),
      }),
      v.check(
        ({ mode, relabel }) => mode !== undefined || relabel === true,
        'must have mode, or relabel: true',
      ),
    ),
  ]),
  title: (args) =>
    typeof args === 'string' ? args : [args.mode ?? '', args.relabel === true ? 'relabel' : ''].join(' '),
  compile(args) {
    const { mode, relabel } = typeof args === 'string' ? { mode: args } : args;
    return ok({
      shell: [
        `[ -f /etc/selinux/config ] || ${stop('the image has no SELinux: /etc/selinux/config does not exist')}`,
        ...(mode === undefined ? [] : [`sed -i 's/^SELINUX=.*/SELINUX=${mode}/' /etc/selinux/config`]),
        ...(relabel === true ? [RELABEL] : []),
      ].join('\n'),
    });
  },
});
