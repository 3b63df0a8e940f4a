// docs/reliability.md names tests that there are, and all that bring about a fault.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../rig/project.ts';

const GROUPS = ['e2e', 'contract', 'unit'];

/** The names of the tests in a file, with `…` for what is put into them when they run. */
function testsIn(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  return [...source.matchAll(/\btest\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g)].map(([, , name = '']) =>
    name.replaceAll(/\$\{[^}]*\}/g, '…').replaceAll(/\\(.)/g, '$1'),
  );
}

/** `e2e/hostile` and the like, with the files that they are. */
function testFiles(): Map<string, string> {
  const files = GROUPS.flatMap((group) =>
    readdirSync(path.join(REPOSITORY, 'test', group), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name): [string, string] => [
        path.basename(name, '.test.ts'),
        path.join(REPOSITORY, 'test', group, name),
      ]),
  );
  return new Map(files.toReversed()); // those of the first group count where two are called the same
}

const table = readFileSync(path.join(REPOSITORY, 'docs/reliability.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .flatMap((line) => (line.split('|').at(3) ?? '').trim().split('<br>'));

test('every test in the table exists', () => {
  const files = testFiles();
  assert.ok(table.length > 20, `${table.length} tests`);
  for (const cell of table) {
    const [, file = '', name = ''] =
      /^`([\w-]+)`: (.+)$/.exec(cell) ?? assert.fail(`no test is named: ${cell}`);
    const found = files.get(file);
    assert.ok(found !== undefined && existsSync(found), `there is no ${file}.test.ts`);
    assert.ok(testsIn(found).includes(name), `there is no test "${name}" in ${found}`);
  }
});

test('every fault that is tested is in the table', () => {
  const named = new Set(table);
  for (const [name, file] of testFiles()) {
    for (const fault of testsIn(file).filter((one) => one.startsWith('fault: '))) {
      assert.ok(named.has(`\`${name}\`: ${fault}`), `docs/reliability.md lacks \`${name}\`: ${fault}`);
    }
  }
});
