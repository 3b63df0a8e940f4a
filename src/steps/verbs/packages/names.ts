// Packages as the steps on them name them.

import * as v from 'valibot';
import type { Wanted } from '../../../distro/packages/port.ts';
import { fail, ok, type Result } from '../../../model/failure.ts';
import { pattern } from '../../fields.ts';
import { cleanPath } from '../../layer-files.ts';
import type { LayerFiles } from '../../verb.ts';

// A dash at its end would make apt remove it.
const NAME = `[A-Za-z0-9@/][A-Za-z0-9+._:@/()~^-]*(?<!-)`;
const VERSION = `[A-Za-z0-9][A-Za-z0-9.+:~^_-]*`;

/** The name of a package, or of a group or pattern as the package manager writes it. */
export function packageName() {
  return pattern('must be the name of a package', new RegExp(`^${NAME}$`));
}

/** What can be installed: `NAME`, `NAME=VERSION`, or `./FILE.deb`, a file of the layer or a pattern of files. */
export function wantedPackage() {
  return v.pipe(
    pattern(
      'must be a package, package=version, or ./file of the layer',
      new RegExp(`^(?:${NAME}(?:=${VERSION})?|\\./[^\\0]+)$`),
    ),
    v.check((given) => !/(?:^|\/)\.\.(?:\/|$)/.test(given), 'must not lead out of the layer'),
  );
}

/** The patterns for files of the layer among what is to be installed. */
export function filePatterns(given: readonly string[]): string[] {
  return given.filter((one) => one.startsWith('./')).map(cleanPath);
}

/** What is to be installed. Fails as `usage` for files that the layer does not have. */
export function wantedOf(given: readonly string[], files: LayerFiles): Result<readonly Wanted[]> {
  const wanted: Wanted[] = [];
  for (const one of given) {
    if (!one.startsWith('./')) {
      const [name = '', version] = one.split('=', 2);
      wanted.push(version === undefined ? { name } : { name, version });
      continue;
    }
    const matched = files.match([cleanPath(one)]);
    if (matched.length === 0) return fail('usage', `no file of the layer matches "${one}"`);
    wanted.push(...matched.map(({ path }) => ({ file: `./${path}` })));
  }
  return ok(wanted);
}
