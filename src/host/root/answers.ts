// What the answers of the root shell's commands come to: nothing, a text, or yes and no.

import { ok, type Result } from '../../model/failure.ts';
import type { RootShell } from './root-shell.ts';

/** Runs a command for what it does. */
export async function done(
  shell: RootShell,
  argv: readonly string[],
  okStatuses?: readonly number[],
): Promise<Result<void>> {
  const answer = await shell.run(argv, okStatuses);
  return answer.ok ? ok() : answer;
}

/** Runs a command for what it prints. */
export async function printed(shell: RootShell, argv: readonly string[]): Promise<Result<string>> {
  const answer = await shell.run(argv);
  return answer.ok ? ok(answer.value.stdout) : answer;
}

/** Runs a command that answers a question: status 0 is yes, 1 is no, possibly with the reason. */
export async function asked(
  shell: RootShell,
  argv: readonly string[],
): Promise<Result<{ readonly yes: boolean; readonly stderr: string }>> {
  const answer = await shell.run(argv, [0, 1]);
  return answer.ok ? ok({ yes: answer.value.status === 0, stderr: answer.value.stderr }) : answer;
}
