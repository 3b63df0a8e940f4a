// install: packages, by the image's own package manager.

import * as v from 'valibot';
import { packageManagerOf } from '../../../distro/packages/manager.ts';
import { KEPT } from '../../../distro/packages/port.ts';
import { ok } from '../../../model/failure.ts';
import { asList, mapping, oneOf, oneOrMany } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';
import { filePatterns, wantedOf, wantedPackage } from './names.ts';

const RULE = 'must be a package, a list of packages, or a mapping with "packages"';

const SCHEMA = oneOf(RULE, [
  wantedPackage(),
  v.pipe(v.array(wantedPackage()), v.minLength(1, 'must not be empty')),
  mapping({
    packages: oneOrMany('must be a package', wantedPackage()),
    recommends: v.optional(v.boolean('must be true or false')),
  }),
]);

type Args = v.InferOutput<typeof SCHEMA>;

export const INSTALL = defineVerb({
  name: 'install',
  summary:
    'Installs packages of the image’s distribution, `name=version` to pin one, or package files of the layer, `./name.deb`',
  examples: [
    'install: [nginx, curl]',
    'install: { packages: [openssh-server], recommends: true }',
    'install: [./debs/*.deb, jq]',
  ],
  schema: SCHEMA,
  title: (args) => packagesOf(args).join(' '),
  reads: (args) => filePatterns(packagesOf(args)),
  cacheDirs: () => [KEPT],
  compile(args, { distribution, files }) {
    const manager = packageManagerOf(distribution);
    if (!manager.ok) return manager;
    const wanted = wantedOf(packagesOf(args), files);
    if (!wanted.ok) return wanted;
    const recommends = typeof args === 'object' && 'recommends' in args && args.recommends === true;
    const shell = manager.value.install(wanted.value, recommends);
    return shell.ok ? ok({ shell: shell.value }) : shell;
  },
});

function packagesOf(args: Args): readonly string[] {
  return typeof args === 'object' && 'packages' in args ? asList(args.packages) : asList(args);
}
