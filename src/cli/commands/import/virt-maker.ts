// vlb import virt-maker: creates a project from a template.

import path from 'node:path';
import type { Failure } from '../../../model/failure.ts';
import { CONFIG_FILE } from '../../../project/config/config.ts';
import { LAYER_NAME } from '../../../project/layers/discover.ts';
import { namesIn } from '../../../util/fs.ts';
import type { Raw } from '../../args/table/table.ts';
import { SOURCE } from './source.ts';
import { writeImported } from './write.ts';

/** Creates the project. Fails as `usage` where one exists already. */
export async function importVirtMaker(raw: Raw<'import virt-maker'>): Promise<number | Failure> {
  const { importTemplate } = await import('../../../import/virt-maker/import.ts');
  // Like vlb init, not in the project above.
  const project = path.resolve(raw.C ?? '.', raw.into ?? '.');
  const imported = importTemplate(raw.template, process.cwd(), SOURCE);
  if (!imported.ok) return imported.failure;
  // Layers that are there would become part of the image.
  const layers = ['', 'layers/'].flatMap((folder) =>
    namesIn(path.join(project, folder))
      .filter((name) => LAYER_NAME.test(name))
      .map((name) => `${folder}${name}`),
  );
  const config = namesIn(project).filter((name) => name === CONFIG_FILE);
  return writeImported(project, imported.value, [...layers, ...config]);
}
