// vlb sbom: prints what is installed in an image, or writes it to a file.

import { type Failure, ok, type Result } from '../../model/failure.ts';
import { sbomOf } from '../../workspace/disks/sbom.ts';
import type { Raw } from '../args/table/table.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { writeOutput } from '../output-file.ts';
import { interruptible } from '../terminal/interrupt.ts';

/** Writes a software bill of materials. Returns the exit status, or the failure to report. */
export async function sbom(raw: Raw<'sbom'>, options: GlobalOptions): Promise<number | Failure> {
  return await interruptible((signal) => run(raw, options, signal));
}

async function run(
  { name, format, output }: Raw<'sbom'>,
  options: GlobalOptions,
  signal: AbortSignal,
): Promise<Result<void>> {
  const text = await sbomOf(workspaceOf(options), name, format, signal);
  if (!text.ok) return text;
  if (output !== undefined) return writeOutput(output, text.value);
  process.stdout.write(text.value);
  return ok();
}
