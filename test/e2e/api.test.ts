// The public API, as a program uses it: the package's own name leads to dist/, as it does where vlb is installed.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { REPOSITORY, run, TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const EXAMPLE = path.join(REPOSITORY, 'docs/examples/build-image.mjs');

const node = (...argv: readonly string[]) =>
  run(path.join(REPOSITORY, 'bin/with-node'), ['node', ...argv], { cwd: REPOSITORY });

test('the example of the documentation builds a project, and then finds nothing to do', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('echo hello > /hello'),
  });
  const first = await node(EXAMPLE, project.directory);
  assert.match(first.stdout, /^10_base: built\n20_app: built\n\S+image\.qcow2: \d+ bytes\n$/, first.stderr);
  const second = await node(EXAMPLE, project.directory);
  assert.match(second.stdout, /^10_base: fresh\n20_app: fresh\n/, second.stderr);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
  assert.deepEqual(leftovers(project), []);
});

test('the documentation shows the example as it is', () => {
  const page = readFileSync(path.join(REPOSITORY, 'docs/api.md'), 'utf8');
  const code = readFileSync(EXAMPLE, 'utf8').replace(/^\/\/.*\n\n/, '');
  assert.ok(page.includes(`\`\`\`js\n${code}\`\`\``), 'docs/api.md and docs/examples/build-image.mjs differ');
});

const TWO = `
import { build, openWorkspace } from 'vlb';
const [, store, ...directories] = process.argv;
const builds = directories.map(async (directory) => {
  const lines = [];
  const emit = (event) => {
    if (event.type === 'output') lines.push(event.line);
  };
  const workspace = openWorkspace({ directory, cacheDirectory: store });
  const built = await build(workspace, { emit, jobs: 1 });
  return { lines, built };
});
console.log(JSON.stringify(await Promise.all(builds)));
`;

test('two projects are built at once in one process, with one store, and know nothing of each other', async () => {
  const base = { 'layers/10_base/modify-disk': tinyDisk() };
  await using one = new TestProject({
    ...base,
    'layers/20_a/build-layer': buildLayer('sleep 1; echo I am one'),
  });
  await using two = new TestProject({ ...base, 'layers/20_b/build-layer': buildLayer('sleep 1; exit 7') });
  const ended = await node(
    ...['--input-type=module', '--eval', TWO],
    ...[one.path('store'), one.directory, two.directory],
  );
  assert.equal(ended.status, 0, ended.stderr);
  const [good, bad] = JSON.parse(ended.stdout);
  assert.deepEqual(good.lines, ['I am one']);
  assert.deepEqual([good.built.ok, good.built.value.ok], [true, true]);
  assert.deepEqual(bad.lines, []);
  assert.deepEqual([bad.built.ok, bad.built.value.ok], [true, false]);
  assert.equal(bad.built.value.failures[0].failure.exitStatus, 7);
  // The base that both have was built by one of them: the other waited for it, and took it.
  assert.equal(good.built.value.counts.built + bad.built.value.counts.built, 2);
  assert.deepEqual([...leftovers(one), ...leftovers(two)], []);
});
