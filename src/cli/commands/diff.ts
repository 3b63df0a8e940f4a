// vlb diff: what differs between the systems on two disks.

import { compareDisks } from '../../diff/compare.ts';
import { showShell, showText } from '../../diff/show.ts';
import type { DiskDiff } from '../../model/disk-diff.ts';
import { type Failure, ok, type Result } from '../../model/failure.ts';
import type { DiskViewer } from '../../model/ports/viewer.ts';
import { diffSummary, diffText } from '../../report/text/diff.ts';
import { backendWithoutProject } from '../../workspace/backend/choice.ts';
import { type ChosenDisks, chooseDisks } from '../../workspace/disks/diff-disks.ts';
import type { Raw } from '../args/table/table.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { interruptible } from '../terminal/interrupt.ts';
import { printResult } from '../terminal/streams.ts';

/** Compares two disks. Returns the exit status, which is 0 with differences too, or the failure to report. */
export async function diff(raw: Raw<'diff'>, options: GlobalOptions): Promise<number | Failure> {
  return await interruptible((signal) => run(raw, options, signal));
}

async function run(raw: Raw<'diff'>, options: GlobalOptions, signal: AbortSignal): Promise<Result<void>> {
  const words = raw.b === undefined ? ([raw.a] as const) : ([raw.a, raw.b] as const);
  const workspace = workspaceOf(options);
  const disks = await workspace.parts.disks();
  const chosen = await chooseDisks(words, workspace, disks, signal);
  if (!chosen.ok) return chosen;
  const backend = await backendWithoutProject(workspace);
  if (!backend.ok) return backend;
  const opened = await disks.openViewer(workspace.paths, backend.value, signal);
  if (!opened.ok) return opened;
  await using viewer = opened.value;
  if (raw.text !== undefined) return await showText(chosen.value, raw.text, viewer);
  if (raw.shell) return await showShell(chosen.value, viewer);
  const found = await compare(chosen.value, viewer);
  if (!found.ok) return found;
  for (const note of found.value.notes) process.stderr.write(`note: ${note}\n`);
  printResult({ ...options, json: raw.json }, found.value, (style) =>
    raw.stat ? diffSummary(found.value, style) : diffText(found.value, style),
  );
  return ok();
}

async function compare(chosen: ChosenDisks, viewer: DiskViewer): Promise<Result<DiskDiff>> {
  const { before, after, options, isDescendant } = chosen;
  const comparison = { before: before?.image, after: after.image, options, isDescendant };
  const found = await compareDisks(comparison, viewer);
  return found.ok ? ok({ before: before?.name ?? 'nothing', after: after.name, ...found.value }) : found;
}
