// The files by which vlb and a root side on another machine exchange data, by commands of its shell.

import { ok, type Result } from '../../model/failure.ts';
import { done } from './answers.ts';
import type { RootFiles } from './root-files.ts';
import type { RootShell } from './root-shell.ts';

/** Whether a root shell answers at all: fails as its first command does. */
export function answers(shell: RootShell): Promise<Result<void>> {
  return done(shell, ['true']);
}

/** The files on the machine where the shell runs. */
export function filesBehind(shell: RootShell): RootFiles {
  return {
    makeDirectory: (directory) => done(shell, ['mkdir', '-p', '--', directory]),
    write: async (file, content, mode = 0o644) => {
      const removed = await done(shell, ['rm', '-f', '--', file]);
      if (!removed.ok) return removed;
      const written = await shell.write(file, Buffer.from(content));
      return written.ok ? done(shell, ['chmod', mode.toString(8), '--', file]) : written;
    },
    link: async (target, file) => {
      const made = await done(shell, ['mkdir', '-p', '--', file.replace(/\/[^/]*$/, '')]);
      if (!made.ok) return made;
      const exists = await shell.run(['test', '-L', file, '-o', '-e', file], [0, 1]);
      if (!exists.ok) return exists;
      return exists.value.status === 0 ? ok() : done(shell, ['ln', '-s', '--', target, file]);
    },
    read: async (file) => {
      const text = await shell.run(['base64', '--', file]);
      return text.ok ? ok(Buffer.from(text.value.stdout, 'base64')) : text;
    },
    exists: async (file) => {
      const answer = await shell.run(['test', '-e', file], [0, 1]);
      return answer.ok && answer.value.status === 0;
    },
  };
}
