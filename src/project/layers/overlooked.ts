// What looks like a part of a project and has another name, so that nothing reads it: users should hear of that.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ProjectNote } from '../../model/project.ts';
import { namesIn } from '../../util/fs.ts';
import { CONFIG_FILE } from '../config/config.ts';

const LAYER_LIKE = /^\d{2,}_/;

/** Notes on directories that have a layer's script and not the name of a layer, and on other spellings of vlb.yaml. */
export function overlooked(projectDirectory: string): readonly ProjectNote[] {
  const names = namesIn(projectDirectory).toSorted();
  const configs = names.filter((name) => /^\.?vlb\.ya?ml$/i.test(name) && name !== CONFIG_FILE);
  const folder = path.join(projectDirectory, 'layers');
  return [
    ...configs.map((name) => ({
      file: path.join(projectDirectory, name),
      message: `not read: the configuration of a project is ${CONFIG_FILE}`,
    })),
    ...unnumbered(folder, namesIn(folder).toSorted(), /^[A-Za-z0-9]/),
    // A project's root may have other directories with scripts of these names.
    ...unnumbered(projectDirectory, names, /^\d/),
  ];
}

function unnumbered(directory: string, names: readonly string[], candidate: RegExp): readonly ProjectNote[] {
  return names
    .filter((name) => candidate.test(name) && !LAYER_LIKE.test(name))
    .flatMap((name) => {
      const file = path.join(directory, name);
      const script = ['build-layer', 'modify-disk', 'boot-layer', 'layer.yaml'].find((script) =>
        existsSync(path.join(file, script)),
      );
      if (script === undefined) return [];
      const message = `not a layer, although it has a ${script}: the name of a layer begins with two digits and "_", like ${layerLike(name)}`;
      return [{ file, message }];
    });
}

/** `6_x` and `6-x` become `06_x`, `app` becomes `10_app`. */
function layerLike(name: string): string {
  const [, digits = '', rest = ''] = /^(\d*)[^A-Za-z0-9]*(.*)$/s.exec(name) ?? [];
  return `${digits === '' ? '10' : digits.padStart(2, '0')}_${rest === '' ? 'name' : rest}`;
}
