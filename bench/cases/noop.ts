// A build with nothing to do, against the tools that also find out that there is nothing to do.

import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { output, seconds } from '../lib/command.ts';
import { type Contender, compare, printFigures } from '../lib/compare.ts';
import { vlbSeconds } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';
import { has } from '../lib/tools.ts';
import { builtTree, type Tree } from '../lib/trees.ts';

const ROUNDS = 15;

export async function noop(scratch: Scratch): Promise<void> {
  const tree = builtTree(scratch);
  const others = scratch.make('noop');
  const contenders: Contender[] = [];
  // The first is what the others are compared with.
  if (has('ninja')) contenders.push(ninja(tree, path.join(others, 'ninja')));
  contenders.push({ name: 'vlb build', run: () => vlbSeconds(tree.directory, 'build') });
  contenders.push({ name: 'node -e 0', run: () => seconds(['node', '-e', '0']) });
  if (has('git')) {
    contenders.push({ name: 'git status', run: () => seconds(['git', '-C', tree.directory, 'status']) });
  }
  if (has('wireit')) contenders.push(wireit(tree, path.join(others, 'wireit')));
  if (has('scons')) contenders.push(scons(tree, path.join(others, 'scons')));
  if (has('buildah')) contenders.push(buildah(tree, path.join(others, 'buildah')));
  printFigures(await compare(contenders, ROUNDS));
}

/** Every file of a layer, relative to the project. */
function filesOf({ directory }: Tree, layer: string): string[] {
  return readdirSync(path.join(directory, 'layers', layer), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)));
}

/** Each other tool has a copy of the layers: none finds another's files, or changed times. */
function copyLayers(tree: Tree, directory: string): void {
  mkdirSync(directory);
  cpSync(path.join(tree.directory, 'layers'), path.join(directory, 'layers'), {
    recursive: true,
    preserveTimestamps: true,
  });
}

function ninja(tree: Tree, directory: string): Contender {
  copyLayers(tree, directory);
  const lines = ['rule touch', '  command = touch $out'];
  tree.layers.forEach((layer, index) => {
    const before = index === 0 ? '' : ` out${index - 1}`;
    lines.push(`build out${index}: touch ${filesOf(tree, layer).join(' ')}${before}`);
  });
  writeFileSync(path.join(directory, 'build.ninja'), `${lines.join('\n')}\n`);
  output(['ninja', '-C', directory]);
  return { name: 'ninja', run: () => seconds(['ninja', '-C', directory]) };
}

function wireit(tree: Tree, directory: string): Contender {
  copyLayers(tree, directory);
  const scripts = Object.fromEntries(tree.layers.map((layer) => [layer, 'wireit']));
  const steps = tree.layers.map((layer, index) => {
    const before = tree.layers[index - 1];
    return [
      layer,
      {
        command: `touch out${index}`,
        files: [`layers/${layer}/**`],
        output: [`out${index}`],
        ...(before === undefined ? {} : { dependencies: [before] }),
      },
    ];
  });
  const last = tree.layers.at(-1) ?? '';
  writeFileSync(
    path.join(directory, 'package.json'),
    JSON.stringify({ name: 'bench', private: true, scripts, wireit: Object.fromEntries(steps) }),
  );
  const run = () => seconds(['npm', 'run', '--silent', last], { cwd: directory });
  return { name: 'wireit', run, rounds: 5 };
}

function scons(tree: Tree, directory: string): Contender {
  copyLayers(tree, directory);
  const lines = ["SetOption('warn', 'no-all')", 'env = Environment()'];
  tree.layers.forEach((layer, index) => {
    const before = index === 0 ? [] : [`out${index - 1}`];
    const sources = JSON.stringify([...filesOf(tree, layer), ...before]);
    lines.push(`env.Command('out${index}', ${sources}, 'touch $TARGET')`);
  });
  writeFileSync(path.join(directory, 'SConstruct'), `${lines.join('\n')}\n`);
  return { name: 'SCons', run: () => seconds(['scons', '-s', '-C', directory]), rounds: 3 };
}

/** `FROM scratch` and a COPY for each layer; storage in a directory of its own, which goes away with the rest. */
function buildah(tree: Tree, directory: string): Contender {
  copyLayers(tree, directory);
  const lines = ['FROM scratch', ...tree.layers.map((layer) => `COPY layers/${layer} /${layer}`)];
  writeFileSync(path.join(directory, 'Containerfile'), `${lines.join('\n')}\n`);
  const storage = ['--root', path.join(directory, 'root'), '--runroot', path.join(directory, 'runroot')];
  const argv = [
    'buildah',
    ...storage,
    '--storage-driver',
    'vfs',
    'bud',
    '--quiet',
    '--layers',
    '--tag',
    'bench',
  ];
  return { name: 'buildah bud --layers', run: () => seconds([...argv, directory]), rounds: 3 };
}
