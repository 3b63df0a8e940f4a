// vlb layer lock: writes the versions of the packages in a system that was built into its layer, so that the next build has the same.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, failAt, ok, type Result } from '../../model/failure.ts';
import { scriptFile } from '../../model/project.ts';
import { shownPath } from '../../util/shown-path.ts';
import { backendWithoutProject } from '../../workspace/backend/choice.ts';
import { disksOf } from '../../workspace/disks/diff-disks.ts';
import { layerScript } from '../../workspace/steps/script.ts';
import type { Raw } from '../args/table/table.ts';
import { giveCreated, ownerOf } from '../give-back.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { interruptible } from '../terminal/interrupt.ts';

const USUAL = 'packages.lock';

/** Writes the lock of a layer. Returns the exit status, or the failure to report. */
export async function lock(raw: Raw<'layer lock'>, options: GlobalOptions): Promise<number | Failure> {
  return await interruptible((signal) => run(raw, options, signal));
}

async function run(
  { name }: Raw<'layer lock'>,
  options: GlobalOptions,
  signal: AbortSignal,
): Promise<Result<void>> {
  const workspace = workspaceOf(options);
  const found = await layerScript(workspace, {
    layer: name,
    distribution: undefined,
    params: [],
    emit: () => undefined,
    signal,
  });
  if (!found.ok) return found;
  const { layer } = found.value;
  const system = layer.system?.installation?.system;
  if (!system) {
    return fail('usage', `layer ${layer.name} makes no system, and so has no lock`, {
      where: { file: scriptFile(layer) },
      hint: 'for a layer with steps, name versions in its install steps',
    });
  }
  const known = await workspace.parts.disks();
  const disks = await disksOf(layer.name, workspace, known, signal);
  if (!disks.ok) return disks;
  const [main] = disks.value;
  if (!main) return fail('usage', `layer ${layer.name} has no disk`);
  const backend = await backendWithoutProject(workspace);
  if (!backend.ok) return backend;
  const opened = await known.openViewer(workspace.paths, backend.value, signal);
  if (!opened.ok) return opened;
  await using viewer = opened.value;
  const { lockText } = await import('../../sbom/lock.ts');
  const text = await lockText(main, viewer);
  if (!text.ok) return text;
  const file = path.join(layer.directory, system.lock ?? USUAL);
  try {
    writeFileSync(file, text.value);
    giveCreated(ownerOf(options.directory), options.directory, [path.relative(options.directory, file)]);
  } catch (error) {
    return failAt(file, 'cannot write the lock', error);
  }
  process.stdout.write(`${shownPath(file)}\n`);
  if (system.lock === undefined)
    process.stderr.write(`note: add "lock: ${USUAL}" to "system" of the layer\n`);
  return ok();
}
