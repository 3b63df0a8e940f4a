// A build behind a git branch switch, with everything in the store, against a build with nothing to do.

import { compare, printFigures } from '../lib/compare.ts';
import { vlbSeconds } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';
import { builtTree, commit, git, touchLayer } from '../lib/trees.ts';

const ROUNDS = 15;

export async function branchSwitch(scratch: Scratch): Promise<void> {
  const tree = builtTree(scratch);
  const { directory } = tree;
  git(directory, 'switch', '--quiet', '--create', 'other');
  touchLayer(tree, 1);
  commit(directory, 'a change near the bottom of the chain');
  vlbSeconds(directory, 'build');
  const after = (branch: string) => () => {
    git(directory, 'switch', '--quiet', branch);
    return vlbSeconds(directory, 'build');
  };
  const figures = await compare(
    [
      { name: 'nothing to do', run: () => vlbSeconds(directory, 'build') },
      { name: 'behind a switch, 19 of 21 layers restored', run: after('main') },
      { name: 'behind the switch back', run: after('other') },
    ],
    ROUNDS,
  );
  printFigures(figures);
  git(directory, 'switch', '--quiet', 'main');
  vlbSeconds(directory, 'build');
}
