// vlb doctor: what vlb needs on this machine, whether it is there, and what mends it.

import type { Failure } from '../../model/failure.ts';
import { canBuild } from '../../model/ports/checkup.ts';
import { checkupText } from '../../report/text/checkup.ts';
import { checkAll, clean } from '../../workspace/doctor.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT } from '../exit-status.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { printResult } from '../terminal/streams.ts';

/** Prints what was found. Returns 3 when no layer can be built on the default backend, 0 otherwise. */
export async function doctor(raw: Raw<'doctor'>, options: GlobalOptions): Promise<number | Failure> {
  const workspace = workspaceOf(options);
  const removed = raw.clean ? await clean(workspace) : undefined;
  if (removed?.ok === false) return removed.failure;
  const findings = await checkAll(workspace);
  const able = canBuild(findings);
  if (!raw.json) for (const name of removed?.value ?? []) process.stdout.write(`removed ${name}\n`);
  const about = { able, findings, ...(removed ? { removed: removed.value } : {}) };
  printResult({ ...options, json: raw.json }, about, (style) => checkupText(findings, style));
  return able ? EXIT.ok : EXIT.host;
}
