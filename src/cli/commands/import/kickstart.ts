// vlb import kickstart: creates a layer from a kickstart file.

import path from 'node:path';
import type { Failure } from '../../../model/failure.ts';
import type { Raw } from '../../args/table/table.ts';
import type { GlobalOptions } from '../../options.ts';
import { freeLayer } from '../../scaffold/layer-name.ts';
import { SOURCE } from './source.ts';
import { writeImported } from './write.ts';

/** Creates the layer. Fails as `usage` for a file that is not a kickstart, and a name that is taken. */
export async function importKickstartFile(
  { file, name }: Raw<'import kickstart'>,
  { directory: project }: GlobalOptions,
): Promise<number | Failure> {
  const own = path
    .basename(file)
    .replace(/\.(?:ks|cfg)(?:\.in)?$/, '')
    .replaceAll(/[^A-Za-z0-9.-]+/g, '-');
  const layer = freeLayer(project, name ?? (own || 'kickstart'), 'vlb import kickstart');
  if (!layer.ok) return layer.failure;
  const { importKickstart } = await import('../../../import/kickstart/import.ts');
  const imported = importKickstart({ file, directory: process.cwd(), layer: layer.value.name }, SOURCE);
  return imported.ok ? writeImported(project, imported.value, []) : imported.failure;
}
