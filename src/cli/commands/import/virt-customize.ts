// vlb import virt-customize: creates a layer from a command line.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail } from '../../../model/failure.ts';
import { CONFIG_FILE } from '../../../project/config/config.ts';
import type { Raw } from '../../args/table/table.ts';
import type { GlobalOptions } from '../../options.ts';
import { freeLayer } from '../../scaffold/layer-name.ts';
import { SOURCE } from './source.ts';
import { writeImported } from './write.ts';

const DEFAULT_NAME = 'customize';

/** Creates the layer. Fails as `usage` for an option that virt-customize does not have, and a name that is taken. */
export async function importVirtCustomize(
  raw: Raw<'import virt-customize'>,
  { directory: project }: GlobalOptions,
): Promise<number | Failure> {
  if (raw.behind.length === 0) {
    return fail('usage', 'no options of virt-customize are given', {
      hint: 'put them after --, such as vlb import virt-customize -- --install nginx',
    }).failure;
  }
  const layer = freeLayer(project, raw.name ?? DEFAULT_NAME, 'vlb import virt-customize');
  if (!layer.ok) return layer.failure;
  const { importCommandLine } = await import('../../../import/virt-customize/import.ts');
  const line = {
    words: raw.behind,
    directory: process.cwd(),
    project,
    layer: layer.value.name,
    isNew: layer.value.taken.length === 0 && !existsSync(path.join(project, CONFIG_FILE)),
  };
  const imported = importCommandLine(line, SOURCE);
  return imported.ok ? writeImported(project, imported.value, []) : imported.failure;
}
