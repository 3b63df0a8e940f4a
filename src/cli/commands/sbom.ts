// vlb sbom: prints what is installed in an image, or writes it to a file.

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, failAt, ok, type Result } from '../../model/failure.ts';
import { backendWithoutProject } from '../../workspace/backend/choice.ts';
import { disksOf } from '../../workspace/diff-disks.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT, exitStatusOf } from '../exit-status.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt } from '../terminal/interrupt.ts';

/** Writes a software bill of materials. Returns the exit status, or the failure to report. */
export async function sbom(raw: Raw<'sbom'>, options: GlobalOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  interrupt.listen();
  const result = await run(raw, options, interrupt.signal);
  if (result.ok) return EXIT.ok;
  // What was under way when it came fails in its own way.
  return interrupt.signal.aborted
    ? exitStatusOf(fail('interrupted', 'interrupted').failure, interrupt.received())
    : result.failure;
}

async function run(
  { name, format, output }: Raw<'sbom'>,
  options: GlobalOptions,
  signal: AbortSignal,
): Promise<Result<void>> {
  const workspace = workspaceOf(options);
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
  const text = await sbomText(
    { name: path.basename(name), ...about, created, disks: disks.value, format },
    viewer,
  );
  if (!text.ok) return text;
  if (output !== undefined) return writeWhole(path.resolve(output), text.value);
  process.stdout.write(text.value);
  return ok();
}

/** Replaces a file when its text is complete. */
function writeWhole(file: string, text: string): Result<void> {
  const work = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(work, text, { flag: 'wx' });
    renameSync(work, file);
    return ok();
  } catch (error) {
    rmSync(work, { force: true });
    return failAt(file, 'cannot write the file', error);
  }
}
