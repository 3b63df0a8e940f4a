// A root shell together with the directory of the run, or of the disk, for which it works.

import path from 'node:path';
import type { MountLists } from './agent.ts';
import type { RootShell } from './root-shell.ts';

export class RunShell {
  readonly shell: RootShell;
  /** The run's own directory. */
  readonly directory: string;
  /** The agent lists here which mount points it created, to remove them, and what is mounted inside the system. */
  readonly lists: MountLists;

  constructor(shell: RootShell, directory: string) {
    this.shell = shell;
    this.directory = directory;
    this.lists = { made: this.file('made'), inside: this.file('inside') };
  }

  /** The path of a file in the run's directory. */
  file(name: string): string {
    return path.join(this.directory, name);
  }
}
