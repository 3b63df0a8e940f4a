// The bill of materials of a machine, an image or a layer.

import path from 'node:path';
import type { Result } from '../../model/failure.ts';
import type { SbomFormat } from '../../sbom/sbom.ts';
import { backendWithoutProject } from '../backend/choice.ts';
import type { Workspace } from '../workspace.ts';
import { disksOf } from './diff-disks.ts';

/**
 * The text of the bill of all that is installed on the disks of something. Fails as `usage` for a word that means nothing, for what is not
 * built, and where no database of packages is found; as `host` when a disk cannot be read.
 * @param name of a machine, an image or a layer, or the path of an image file
 */
export async function sbomOf(
  workspace: Workspace,
  name: string,
  format: SbomFormat,
  signal: AbortSignal,
): Promise<Result<string>> {
  const known = await workspace.parts.disks();
  const disks = await disksOf(name, workspace, known, signal);
  if (!disks.ok) return disks;
  const [main] = disks.value;
  const created =
    disks.value
      .map((disk) => disk.created)
      .sort()
      .at(-1) ?? '';
  const backend = await backendWithoutProject(workspace);
  if (!backend.ok) return backend;
  const opened = await known.openViewer(workspace.paths, backend.value, signal);
  if (!opened.ok) return opened;
  await using viewer = opened.value;
  const { sbomText } = await import('../../sbom/sbom.ts');
  const about = main?.digest === undefined ? {} : { digest: main.digest };
  return await sbomText({ name: path.basename(name), ...about, created, disks: disks.value, format }, viewer);
}
