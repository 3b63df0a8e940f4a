// timezone: of the image.

import { setTimezone } from '../../../distro/system-files.ts';
import { ok } from '../../../model/failure.ts';
import { pattern } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

export const TIMEZONE = defineVerb({
  name: 'timezone',
  summary: 'Sets the time zone, by its name in the time zone database',
  examples: ['timezone: Europe/Berlin'],
  schema: pattern(
    'must be the name of a time zone, such as Europe/Berlin',
    /^[A-Za-z0-9][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+){0,2}$/,
  ),
  title: (args) => args,
  compile: (args, { distribution }) => ok({ shell: setTimezone(distribution, args) }),
});
