// The tree of "20 layers × 500 files", built once a run and used by more than one case.

import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tinyDisk } from '../../test/rig/tiny.ts';
import { output } from './command.ts';
import { vlbSeconds, writeLayers, writeScript } from './project.ts';
import type { Scratch } from './scratch.ts';

export const LAYERS = 20;
export const FILES = 500;

export interface Tree {
  readonly directory: string;
  /** The layers whose parent is 10_base. */
  readonly layers: readonly string[];
}

const made = new Map<Scratch, Tree>();

/** A git repository with the project in it, built, everything committed. */
export function builtTree(scratch: Scratch): Tree {
  const known = made.get(scratch);
  if (known) return known;
  const directory = scratch.make('tree');
  writeScript(directory, '10_base', 'modify-disk', tinyDisk());
  const tree = { directory, layers: writeLayers(directory, LAYERS, FILES) };
  writeFileSync(path.join(directory, '.gitignore'), '/.vlb\n/build\n/others\n');
  git(directory, 'init', '--quiet', '--initial-branch=main');
  commit(directory, 'all layers');
  vlbSeconds(directory, 'build', '--progress', 'quiet');
  made.set(scratch, tree);
  return tree;
}

/** Runs git in a repository, with nothing of the user's own configuration. */
export function git(directory: string, ...args: readonly string[]): void {
  output(['git', '-C', directory, '-c', 'user.name=bench', '-c', 'user.email=bench@localhost', ...args], {
    env: { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
  });
}

export function commit(directory: string, message: string): void {
  git(directory, 'add', '--all');
  git(directory, 'commit', '--quiet', '--message', message);
}

/** Changes one small file of a layer. */
export function touchLayer({ directory, layers }: Tree, layer: number): void {
  appendFileSync(path.join(directory, 'layers', layers[layer] ?? '', 'd0/f0'), 'another line\n');
}
