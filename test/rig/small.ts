// A file system of its own with little room on it.

import { mkdirSync, writeFileSync } from 'node:fs';
import { runAsRoot } from './root.ts';

/** A tmpfs mounted at a directory, which is made, until it is disposed of. Everybody may write to it. */
export class SmallPlace implements Disposable {
  readonly directory: string;

  /** @param size as tmpfs(5) takes it: `20M` */
  constructor(directory: string, size: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
    runAsRoot('mount', '-t', 'tmpfs', '-o', `size=${size},mode=1777`, 'tmpfs', directory);
  }

  /** Makes it larger, or smaller. */
  resize(size: string): void {
    runAsRoot('mount', '-o', `remount,size=${size}`, this.directory);
  }

  /** Takes up so many bytes in a file of this name. */
  fill(name: string, bytes: number): void {
    writeFileSync(`${this.directory}/${name}`, Buffer.alloc(bytes));
  }

  [Symbol.dispose](): void {
    runAsRoot('umount', '--lazy', this.directory);
  }
}
