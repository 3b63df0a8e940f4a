// hostname: of the image.

import { setHostname } from '../../../distro/system-files.ts';
import { ok } from '../../../model/failure.ts';
import { pattern } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';

export const HOSTNAME = defineVerb({
  name: 'hostname',
  summary: 'Sets the host name; on Debian also the line of /etc/hosts for it',
  examples: ['hostname: web.example.org'],
  schema: pattern(
    'must be a host name of at most 64 characters',
    new RegExp(`^(?=.{1,64}$)${LABEL}(?:\\.${LABEL})*$`),
  ),
  title: (args) => args,
  compile: (args, { distribution }) => ok({ shell: setHostname(distribution, args) }),
});
