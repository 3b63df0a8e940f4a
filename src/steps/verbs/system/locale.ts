// locale: of the image.

import { setLocale } from '../../../distro/system-files.ts';
import { ok } from '../../../model/failure.ts';
import { pattern } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

export const LOCALE = defineVerb({
  name: 'locale',
  summary: 'Sets the locale, LANG; on Debian and Arch it is generated too',
  examples: ['locale: C.UTF-8', 'locale: de_DE.UTF-8'],
  schema: pattern(
    'must be C, POSIX, C.UTF-8, or a locale in UTF-8 such as de_DE.UTF-8',
    /^(?:C|POSIX|C\.UTF-8|[a-z]{2,3}_[A-Z]{2}\.UTF-8)$/,
  ),
  title: (args) => args,
  compile: (args, { distribution }) => ok({ shell: setLocale(distribution, args) }),
});
