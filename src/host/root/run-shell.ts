// A root shell together with the directory of the run, or of the disk, for which it works.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../util/errors.ts';
import type { MountLists } from './agent.ts';
import type { RootShell } from './root-shell.ts';

export class RunShell {
  readonly shell: RootShell;
  /** The run's own directory, on the machine that the shell is on. */
  readonly directory: string;
  /** The agent lists here which mount points it created, to remove them, and what is mounted inside the system. */
  readonly lists: MountLists;

  /** Returns the resolv.conf of the machine that the shell is on; undefined if it has none: then it resolves nothing. */
  readonly nameServers: () => string | undefined;

  constructor(shell: RootShell, directory: string, nameServers = nameServersHere) {
    this.shell = shell;
    this.directory = directory;
    this.nameServers = nameServers;
    this.lists = { made: this.file('made'), inside: this.file('inside') };
  }

  /** Whether no other run uses the kernel of its machine, in which volume groups have their names. */
  get hasOwnKernel(): boolean {
    return !this.shell.files.areHere;
  }

  /** The path of a file in the run's directory. */
  file(name: string): string {
    return path.join(this.directory, name);
  }
}

function nameServersHere(): string | undefined {
  return attempt(() => readFileSync('/etc/resolv.conf', 'latin1'));
}
