// Runs functions of the agent's parts in a shell of the test's own, without root.

import { spawnSync } from 'node:child_process';
import path from 'node:path';

export const AGENT = path.resolve(import.meta.dirname, '../../../../../src/host/root/agent');

/** Runs a script with the given parts read in, and arguments. Returns what it printed, and its status. */
export function inAgent(parts: readonly string[], script: string, ...args: readonly string[]) {
  const reading = parts.map((part) => `. '${path.join(AGENT, part)}'`).join('\n');
  const ended = spawnSync('sh', ['-c', `${reading}\n${script}`, 'sh', ...args], { encoding: 'utf8' });
  return { status: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}
