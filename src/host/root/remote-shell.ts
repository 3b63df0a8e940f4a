// A root shell on another machine: the files by which vlb and it exchange data are there, and are reached by its commands.

import { ok, type Result } from '../../model/failure.ts';
import { done } from './answers.ts';
import { localFiles, type RootFiles } from './root-files.ts';
import type { RootShell } from './root-shell.ts';

/** Whether a root shell answers at all: fails as its first command does. */
export function answers(shell: RootShell): Promise<Result<void>> {
  return done(shell, ['true']);
}

/** The shell, with files on its own machine. @param join see `join` of a RootShell */
export function onAnotherMachine(shell: RootShell, join: RootShell['join']): RootShell {
  return {
    pid: undefined,
    files: filesBehind(shell),
    ended: shell.ended,
    run: (argv, statuses) => shell.run(argv, statuses),
    stream: (argv, onOutput) => shell.stream(argv, onOutput),
    pass: (argv, output) => shell.pass(argv, output),
    join,
    start: (argv) => shell.start(argv),
    stop: (pid) => shell.stop(pid),
    pinLoop: (device) => shell.pinLoop(device),
    write: (file, content, mode) => shell.write(file, content, mode),
    kill: () => shell.kill(),
    [Symbol.asyncDispose]: () => shell[Symbol.asyncDispose](),
  };
}

function filesBehind(shell: RootShell): RootFiles {
  return {
    areHere: false,
    makeDirectory: (directory) => done(shell, ['mkdir', '-p', '--', directory]),
    write: (file, content, mode = 0o644) => shell.write(file, Buffer.from(content), mode),
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
    bringHere: async (file) => {
      const text = await shell.run(['base64', '--', file]);
      if (!text.ok) return text;
      return localFiles.write(file, Buffer.from(text.value.stdout, 'base64'));
    },
    exists: async (file) => {
      const answer = await shell.run(['test', '-e', file], [0, 1]);
      return answer.ok && answer.value.status === 0;
    },
  };
}
