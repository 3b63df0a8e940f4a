// vlb shell: a shell in a layer, of which nothing is kept.

import type { Failure } from '../../model/failure.ts';
import { createStyle, wantsColor } from '../../report/terminal/style.ts';
import { failureText } from '../../report/text/failure.ts';
import type { FailedDisk } from '../../workspace/build.ts';
import { shell as openShell } from '../../workspace/look.ts';
import { isImageFile, shellInImage } from '../../workspace/shell-image.ts';
import type { Raw } from '../args/table/table.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt, endOf } from '../terminal/interrupt.ts';
import { hasTerminal, printNotes } from '../terminal/streams.ts';

/** Runs a shell or a command in a layer. Returns its exit status, or the failure to report. */
export async function shell(
  { layer, failed, parent, write, behind, backend, nbd, param, secret }: Raw<'shell'>,
  options: GlobalOptions,
): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const workspace = workspaceOf(options);
  const request = {
    argv: behind,
    backend,
    nbd,
    hasTerminal: hasTerminal(),
    emit: printNotes,
    signal: interrupt.signal,
    onStart: () => interrupt.listen(),
  };
  const state = failed ? 'failed' : parent ? 'parent' : 'built';
  const isImage = write || (state === 'built' && isImageFile(layer));
  const ended = isImage
    ? await shellInImage(workspace, { ...request, file: layer, write: write ?? false })
    : await openShell(workspace, { ...request, layer, state, params: param, secrets: secret });
  return ended.ok ? ended.value : endOf(ended.failure, interrupt);
}

/** `--on-error shell`: the failure, and a shell on the disk as the script left it. */
export async function shellAfterFailure(
  { failure, openShell }: FailedDisk,
  color: boolean | undefined,
): Promise<void> {
  const style = createStyle(wantsColor(color, process.stderr));
  const print = (what: Failure) => process.stderr.write(`${failureText(what, style)}\n`);
  print(failure);
  const ended = await openShell();
  if (!ended.ok && ended.failure.kind !== 'interrupted') print(ended.failure);
}
