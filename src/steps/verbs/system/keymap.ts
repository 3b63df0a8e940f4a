// keymap: of the image's console.

import { setKeymap } from '../../../distro/system-files.ts';
import { ok } from '../../../model/failure.ts';
import { pattern } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

export const KEYMAP = defineVerb({
  name: 'keymap',
  summary: 'Sets the keymap of the console, `layout` or `layout-variant`',
  examples: ['keymap: de-nodeadkeys'],
  schema: pattern('must be a keymap, such as us or de-nodeadkeys', /^[A-Za-z0-9][A-Za-z0-9_.-]*$/),
  title: (args) => args,
  compile: (args, { distribution }) => ok({ shell: setKeymap(distribution, args) }),
});
