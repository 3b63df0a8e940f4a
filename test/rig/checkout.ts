// A small project with vlb's own launcher and bundler, in which a tiny program stands for vlb.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { REPOSITORY } from './project.ts';

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'vlb launcher ')));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Stands for the program: tells what reached it. */
const PROGRAM = `
import('./lazy.ts').then(({ hello }) => {
  process.stdout.write(JSON.stringify({
    args: process.argv.slice(2),
    authorities: process.env['NODE_USE_SYSTEM_CA'],
    hello: hello(),
  }));
  process.exitCode = Number(process.env['STATUS'] ?? 0);
});
`;

let made = 0;

/** A source checkout as bin/setup leaves it, but for the bundle. */
export function checkout(): string {
  const root = join(scratch, `project ${made++}`);
  mkdirSync(join(root, 'bin'), { recursive: true });
  for (const file of ['vlb', 'with-node', 'bundle.mjs', 'start.mjs', 'string-width.mjs', 'setup']) {
    cpSync(join(REPOSITORY, 'bin', file), join(root, 'bin', file));
  }
  cpSync(join(REPOSITORY, 'package.json'), join(root, 'package.json'));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'));
  mkdirSync(join(root, 'src/cli'), { recursive: true });
  writeFileSync(join(root, 'src/cli/main.ts'), PROGRAM);
  writeFileSync(join(root, 'src/cli/lazy.ts'), "export const hello = (): string => 'first';\n");
  return root;
}

export type Env = Readonly<Record<string, string | undefined>>;

export function environment(env: Env): NodeJS.ProcessEnv {
  return {
    ...process.env,
    VLB_NODE: process.execPath,
    NODE_USE_SYSTEM_CA: undefined,
    ...env,
  };
}

/** What a command wrote, and its exit status. */
export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(command: string, args: readonly string[] = [], env: Env = {}, cwd = '/'): Ran {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: environment(env),
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** Writes an executable shell script. */
export function script(file: string, text: string): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}
