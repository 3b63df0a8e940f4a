// vlb new-machine: a machine from a profile, written to the project.

import path from 'node:path';
import { type Failure, fail, ok, type Result } from '../../../model/failure.ts';
import { machineFiles, writeMachine } from '../../../profiles/machine.ts';
import type { Raw } from '../../args/table/table.ts';
import { EXIT } from '../../exit-status.ts';
import { giveCreated, ownerOf } from '../../give-back.ts';
import { workspaceOf } from '../../open-workspace.ts';
import type { GlobalOptions } from '../../options.ts';
import { PACKAGE_ROOT } from '../../package-root.ts';

/** Writes the files and prints their paths; with --dry-run, prints what would be in them. */
export async function newMachine(raw: Raw<'new-machine'>, options: GlobalOptions): Promise<number | Failure> {
  const { directory } = options;
  const workspace = workspaceOf(options);
  const project = await workspace.load();
  if (!project.ok) return project.failure;
  const values = valuesOf(raw.set);
  if (!values.ok) return values.failure;
  const places = { shipped: path.join(PACKAGE_ROOT, 'profiles'), own: path.join(directory, 'profiles') };
  const { profile, name: machine, on: parent } = raw;
  const files = machineFiles({ profile, machine, parent, values: values.value }, project.value, places);
  if (!files.ok) return files.failure;
  if (raw.dryRun) {
    for (const { path: name, text } of files.value) process.stdout.write(`--- ${name}\n${text}`);
    return EXIT.ok;
  }
  const written = await writeMachine(files.value, directory, () => workspace.load());
  if (!written.ok) return written.failure;
  const names = files.value.map((file) => file.path);
  giveCreated(ownerOf(directory), directory, names);
  for (const name of names)
    process.stdout.write(`${path.relative(process.cwd(), path.join(directory, name))}\n`);
  return EXIT.ok;
}

/** `FIELD=VALUE` each. */
function valuesOf(given: readonly string[]): Result<Readonly<Record<string, string>>> {
  const wrong = given.find((text) => !/^\w+=/.test(text));
  if (wrong !== undefined) {
    return fail('usage', `--set ${wrong}: not a field and a value`, { hint: 'give FIELD=VALUE' });
  }
  const entries = given.map((text) => {
    const at = text.indexOf('=');
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  return ok(Object.fromEntries(entries));
}
