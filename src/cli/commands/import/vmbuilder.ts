// vlb import vmbuilder: creates the first layer of a project from a configuration of vmbuilder.

import type { Failure } from '../../../model/failure.ts';
import type { Raw } from '../../args/table/table.ts';
import type { GlobalOptions } from '../../options.ts';
import { freeLayer } from '../../scaffold/layer-name.ts';
import { SOURCE } from './source.ts';
import { writeImported } from './write.ts';

/** Creates the layer. Fails as `usage` for a file that is not a configuration of vmbuilder, and a name that is taken. */
export async function importVmbuilderFile(
  { file, name }: Raw<'import vmbuilder'>,
  { directory: project }: GlobalOptions,
): Promise<number | Failure> {
  const layer = freeLayer(project, name ?? 'base', 'vlb import vmbuilder');
  if (!layer.ok) return layer.failure;
  const { importVmbuilder } = await import('../../../import/vmbuilder/import.ts');
  const imported = importVmbuilder({ file, directory: process.cwd(), layer: layer.value.name }, SOURCE);
  return imported.ok ? writeImported(project, imported.value, []) : imported.failure;
}
