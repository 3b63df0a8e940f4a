// The source keeps to the rules; and the rules are able to find a breach.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Tree } from '../rig/tree.ts';
import { brokenRules, importsOf } from './architecture-rules.ts';

const SOURCE = path.resolve(import.meta.dirname, '../../src');

test('src keeps to the rules', () => {
  assert.ok(readdirSync(SOURCE).includes('model'), 'this is the source');
  assert.deepEqual(brokenRules(SOURCE), []);
});

test('imports are found, however they are written', () => {
  const text = `// import './comment.ts';
/* import './block.ts'; */
import './bare.ts';
import a from './default.ts';
import * as b from "./star.ts";
import type { C } from './type.ts';
import {
  d,
  type E,
} from './lines.ts';
export { f } from './export.ts';
export * from './export-star.ts';
const g = await import('./dynamic.ts');
let h: import('./type-only.ts').H;
const i = 'import nothing from here';
export const j = 'text';
`;
  assert.deepEqual(
    importsOf(text).map((name) => path.basename(name, '.ts')),
    ['bare', 'default', 'star', 'type', 'lines', 'export', 'export-star', 'dynamic', 'type-only'],
  );
});

describe('a breach is found', () => {
  const good = '// What it is for.\n\nexport const x = 1;\n';
  const importing = (...names: string[]) =>
    `// What it is for.\n\n${names.map((name) => `import '${name}';\n`).join('')}`;

  const breaches: Readonly<Record<string, readonly [string, string, RegExp]>> = {
    'model imports project': ['model/a.ts', importing('../project/b.ts'), /against the direction/],
    'project imports plan': ['project/a.ts', importing('../plan/b.ts'), /against the direction/],
    'plan imports execute': ['plan/a.ts', importing('../execute/b.ts'), /against the direction/],
    'diff imports plan': ['diff/a.ts', importing('../plan/b.ts'), /against the direction/],
    'store imports project': ['store/a.ts', importing('../project/b.ts'), /against the direction/],
    'host imports plan': ['host/system/a.ts', importing('../../plan/b.ts'), /against the direction/],
    'report imports execute': ['report/a.ts', importing('../execute/b.ts'), /against the direction/],
    'execute imports report': ['execute/a.ts', importing('../report/b.ts'), /against the direction/],
    'words for a root shell': [
      'host/view/a.ts',
      '// What it is for.\nawait this.#shell.run(["id"]);\n',
      /the functions of host\/root do/,
    ],
    'nobody imports cli': ['execute/a.ts', importing('../cli/b.ts'), /against the direction/],
    'report imports a port': ['report/a.ts', importing('../model/ports/store.ts'), /only events/],
    'execute imports host': ['execute/a.ts', importing('../host/process/run.ts'), /compose\.ts alone does/],
    'store imports host': ['store/a.ts', importing('../host/process/run.ts'), /alone does/],
    'shared-cache imports store': ['shared-cache/a.ts', importing('../store/b.ts'), /alone does/],
    'execute imports shared-cache': ['execute/a.ts', importing('../shared-cache/b.ts'), /alone does/],
    'a second place speaks S3': [
      'shared-cache/a.ts',
      importing('@aws-sdk/client-s3'),
      /objects\/s3\.ts alone does/,
    ],
    'host imports store': ['host/a.ts', importing('../store/b.ts'), /alone does/],
    'a command names an implementation': ['cli/commands/a.ts', importing('../../store/b.ts'), /alone does/],
    'a second place runs programs': ['host/a.ts', importing('execa'), /host\/process\/run\.ts alone does/],
    'a part of a package': [
      'cli/commands/a.ts',
      importing('yargs/helpers'),
      /cli\/args\/parse\.ts.* alone does/,
    ],
    'an unknown package': ['cli/a.ts', importing('@scope/left-pad/x'), /package that the rules do not know/],
    'a pure part reads files': ['plan/a.ts', importing('node:fs/promises'), /plan is pure/],
    'an import that leaves src': ['cli/a.ts', importing('../../test/rig/tree.ts'), /outside of src/],
    'an import without .ts': ['cli/a.ts', importing('./b.js'), /does not end in \.ts/],
    'an unknown folder': ['misc/a.ts', good, /folder that the rules do not know/],
    'plan asks for a kind': [
      'plan/a.ts',
      `${good}if (layer.kind === 'build-layer') x();\n`,
      /src\/kinds alone/,
    ],
    'a page takes along a part of the server': [
      'serve/page/a.tsx',
      `// What it is for.\n\nimport { x } from '../b.ts';\n`,
      /knows its types only/,
    ],
    'no comment': ['model/a.ts', 'export const x = 1;\n', /does not open with a comment/],
    'a default export': ['model/a.ts', `${good}export default x;\n`, /default export/],
    'a hidden default export': ['model/a.ts', `${good}export { x as default };\n`, /default export/],
    'a long file': ['model/a.ts', `${good}${'\n// more\n'.repeat(200)}`, /lines; 350 are the most/],
    'a second place that exits': [
      'cli/commands/a.ts',
      `${good}process.exitCode = 1;\n`,
      /sets the exit status/,
    ],
  };
  for (const [what, [file, text, message]] of Object.entries(breaches)) {
    test(what, () => {
      using tree = new Tree({ [file]: text });
      const [broken = '', ...more] = brokenRules(tree.directory);
      assert.match(broken, message);
      assert.ok(broken.startsWith(file), broken);
      assert.deepEqual(more, []);
    });
  }

  test('a crowded folder', () => {
    const files = Array.from({ length: 15 }, (_, index) => [`model/ports/${index}.ts`, good]);
    using tree = new Tree(Object.fromEntries(files));
    assert.deepEqual(brokenRules(tree.directory), ['model/ports has 15 files; 14 are the most']);
  });

  test('a ring, also one of types', () => {
    using tree = new Tree({
      'model/a.ts': importing('./b.ts'),
      'model/b.ts': "// What it is for.\n\nimport type { X } from './c.ts';\n",
      'model/c.ts': importing('./a.ts'),
      'model/d.ts': importing('./a.ts'),
    });
    assert.deepEqual(brokenRules(tree.directory), [
      'a ring of imports: model/a.ts → model/b.ts → model/c.ts → model/a.ts',
    ]);
  });

  test('and a tree that keeps to all of them has none', () => {
    using tree = new Tree({
      'model/a.ts': good,
      'project/config/include.ts': importing('yaml', 'node:fs', '../../model/a.ts'),
      'host/process/run.ts': importing('execa', '../../model/a.ts'),
      'store/a.ts': importing('../model/a.ts'),
      'report/a.ts': importing('../model/event.ts'),
      'compose.ts': importing('./host/process/run.ts', './store/a.ts', './project/config/read.ts'),
      'cli/args/parse.ts': importing('yargs'),
      'cli/main.ts': `${importing('./args/parse.ts', '../compose.ts')}process.exitCode = 1;\n`,
    });
    assert.deepEqual(brokenRules(tree.directory), []);
  });
});
