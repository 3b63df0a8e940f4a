// vlb cache du, ls, gc and clear, and the limits that a store is kept within by itself.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { CacheEntry, CacheUsage, Cleared, Collected } from '../../src/model/ports/store-upkeep.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const BASE = { 'layers/10_base/modify-disk': tinyDisk() };

function chain(): TestProject {
  return new TestProject({
    ...BASE,
    'layers/20_app/build-layer': app('one'),
    'layers/20_app/page': 'first\n',
  });
}

function app(text: string): string {
  return buildLayer(`echo ${text} > /app; cp page /page`);
}

/** Runs `vlb cache … --json` and gives what it prints. */
async function cache<T>(project: TestProject, ...args: readonly string[]): Promise<T> {
  const ended = await project.vlb(['cache', ...args, '--json']);
  assert.equal(ended.status, 0, ended.stderr);
  return JSON.parse(ended.stdout);
}

async function build(project: TestProject, args: readonly string[] = []) {
  const built = await project.build(args);
  assert.equal(built.status, 0, built.told);
  const notes = built.events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  return { outcomes: built.outcomes, notes };
}

function layers(entries: readonly CacheEntry[]): string {
  return entries.map(({ layer, inPlace }) => `${layer}${inPlace ? ' in place' : ''}`).join(', ');
}

function names(project: TestProject, directory = 'sha256'): string[] {
  return readdirSync(project.path('.vlb/store', directory)).sort();
}

/** Makes every record in the store look as if it had last been used so many days ago. */
function age(project: TestProject, days: number): void {
  const then = Date.now() / 1000 - days * 86_400;
  for (const name of names(project, 'keys')) utimesSync(project.path('.vlb/store/keys', name), then, then);
}

test('ls tells what is there, most recently used first; du what it takes up', async () => {
  await using project = chain();
  assert.deepEqual(await cache<CacheEntry[]>(project, 'ls'), [], 'there is no store yet');
  assert.equal((await cache<CacheUsage>(project, 'du')).total.bytes, 0);
  for (const command of ['gc', 'clear', 'verify']) await cache(project, command);
  assert.equal(existsSync(project.path('.vlb')), false, 'and none is made by asking');
  await build(project);
  project.write({ 'layers/20_app/build-layer': app('two') });
  age(project, 3);
  await build(project);
  const entries = await cache<CacheEntry[]>(project, 'ls');
  assert.equal(layers(entries), '20_app in place, 10_base in place, 20_app');
  const text = (await project.vlb(['cache', 'ls'])).stdout;
  assert.match(
    text,
    /^LAYER +DIGEST +SIZE +CREATED +LAST USED\n20_app +[0-9a-f]{12} +[\d.]+ [KM]iB +\d{4}-\d\d-\d\d \d\d:\d\d +\d{4}-\d\d-\d\d \d\d:\d\d +in place\n/,
  );
  const usage = await cache<CacheUsage>(project, 'du');
  const onDisk = execFileSync('du', ['-s', '-B1', project.path('.vlb/store/sha256')], { encoding: 'utf8' });
  const directory = 4096;
  assert.equal(usage.artifacts.bytes + directory, Number.parseInt(onDisk, 10));
  assert.equal(usage.artifacts.count, 3);
  assert.equal(usage.records.count, 3);
  assert.deepEqual(usage.projects, [project.directory]);
  assert.match((await project.vlb(['cache', 'du'])).stdout, /^artifacts +3 +[\d.]+ MiB$/m);
});

test('gc removes what is over the limits, least recently used first, and never what is in place', async () => {
  await using project = chain();
  const digests: string[] = [];
  for (const text of ['one', 'two', 'three']) {
    project.write({ 'layers/20_app/build-layer': app(text) });
    await build(project);
    digests.push((await cache<CacheEntry[]>(project, 'ls'))[0]?.digest ?? '');
    age(project, 10);
  }
  await build(project);
  const [one, two, three] = digests;

  const dry = await cache<Collected>(project, 'gc', '--max-size', '0', '-n');
  assert.deepEqual(dry.removed.map(({ digest }) => digest).toSorted(), [one, two].toSorted());
  assert.equal(names(project).length, 4, 'and nothing was done');

  assert.equal((await cache<Collected>(project, 'gc')).removed.length, 0, 'the defaults are far away');
  const byAge = await cache<Collected>(project, 'gc', '--max-age', '5d');
  assert.equal(byAge.removed.length, 2);
  assert.equal(names(project).length, 2);
  assert.equal(names(project, 'keys').filter((name) => name.endsWith('.json')).length, 2);
  assert.ok(names(project).includes(`${three}.qcow2`));
  assert.equal((await build(project)).outcomes, '10_base fresh, 20_app fresh');
  execFileSync('qemu-img', ['check', '-q', project.path('build/image.qcow2')]);
  project.write({ 'layers/20_app/build-layer': app('two') });
  assert.equal((await build(project)).outcomes, '10_base fresh, 20_app built', 'what is gone is made again');
});

test('gc takes the parent with its last child, never before', async () => {
  await using project = chain();
  await build(project);
  rmSync(project.path('build'), { recursive: true });
  const { removed } = await cache<Collected>(project, 'gc', '--max-size', '3M');
  assert.deepEqual(
    removed.map(({ layer }) => layer),
    ['20_app', '10_base'],
  );
  assert.deepEqual(names(project), []);
  assert.equal((await build(project)).outcomes, '10_base built, 20_app built');
});

test('a layer that another looked into stays as long as that one', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_tool/build-layer': buildLayer('echo tool > /tool'),
    'layers/30_app/build-layer': buildLayer('cat /t/tool > /app', '# vlb: from base\n# vlb: mount tool /t'),
  });
  await build(project);
  rmSync(project.path('build/20_tool.qcow2'));
  const { removed, inUse } = await cache<Collected>(project, 'gc', '--max-size', '0');
  assert.equal(removed.length, 0);
  assert.equal(inUse.count, 3);
});

test('a store limited to less than the own chain still builds, and says so', async () => {
  await using project = chain();
  project.write({ 'vlb.yaml': 'cache:\n  max-size: 1M\n' });
  const first = await build(project);
  assert.equal(first.outcomes, '10_base built, 20_app built');
  assert.match(
    first.notes.join('\n'),
    /^the cache holds [\d.]+ MiB, more than its limit of 1\.0 MiB: all of it is in use \(cache: max-size in vlb\.yaml\)$/,
  );
  assert.deepEqual(await build(project), { outcomes: '10_base fresh, 20_app fresh', notes: [] });

  project.write({ 'layers/20_app/build-layer': app('two') });
  const second = await build(project);
  assert.match(
    second.notes.join('\n'),
    /^evicted 1 entry, [\d.]+ [KM]iB, from the cache, which is limited to 1\.0 MiB and 90 days without use \(cache: in vlb\.yaml\)$/m,
  );
  assert.equal(names(project).length, 2);
  execFileSync('qemu-img', ['check', '-q', project.path('build/image.qcow2')]);
  assert.equal((await build(project)).outcomes, '10_base fresh, 20_app fresh');
  assert.deepEqual(leftovers(project), []);
});

test('what was not used for long is evicted by a build; what is used stays, however old it is', async () => {
  await using project = chain();
  await build(project);
  project.write({ 'layers/20_app/build-layer': app('two') });
  await build(project);
  age(project, 100);
  const old = Date.now() / 1000 - 2 * 86_400;
  for (const name of names(project, 'projects'))
    utimesSync(project.path('.vlb/store/projects', name), old, old);
  assert.deepEqual((await build(project)).notes, [], 'a build with nothing to do evicts nothing');
  project.write({ 'layers/20_app/build-layer': app('three') });
  assert.match((await build(project)).notes.join('\n'), /^evicted 1 entry, /);
  const entries = await cache<CacheEntry[]>(project, 'ls');
  assert.equal(layers(entries), '20_app in place, 10_base in place, 20_app');
});

test('clear removes everything, and the links to it; the next build makes it again', async () => {
  await using project = chain();
  await build(project, ['--flatten']);
  project.write({ 'build/notes.txt': 'mine' });
  const cleared = await cache<Cleared>(project, 'clear');
  assert.equal(cleared.freed.count, 2);
  assert.deepEqual(names(project), []);
  assert.deepEqual(names(project, 'keys'), []);
  assert.deepEqual(
    readdirSync(project.path('build')).sort(),
    ['image.qcow2', 'notes.txt'],
    'a flat image stands alone',
  );
  assert.equal((await build(project)).outcomes, '10_base built, 20_app built');
  assert.match(
    (await project.vlb(['cache', 'clear'])).stdout,
    /^freed [\d.]+ MiB\nremoved \d+ links from build\/\n$/,
  );
});

test('links of layers that are gone go with the next whole build, and so does what only they had', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_old/build-layer': buildLayer('echo old > /old', '# nocache'),
  });
  await build(project);
  assert.equal(names(project).length, 2);
  rmSync(project.path('layers/20_old'), { recursive: true });
  project.write({ 'layers/20_new/build-layer': buildLayer('echo new > /new') });
  await build(project, ['base']);
  assert.ok(existsSync(project.path('build/20_old.qcow2')), 'a build of one layer does not judge of others');
  await build(project);
  assert.deepEqual(
    readdirSync(project.path('build')).filter((name) => !/^[0-9a-f]{64}/.test(name)),
    ['10_base.qcow2', '20_new.qcow2', 'image.qcow2'],
  );
  assert.deepEqual(
    names(project).filter((name) => name.startsWith('uncached')),
    [],
  );
  assert.deepEqual(
    readdirSync(project.path('.vlb/in-place'))
      .filter((name) => name.endsWith('.json'))
      .sort(),
    ['10_base.json', '20_new.json'],
  );
});

test('what is wrong with a limit is told, on the command line and in vlb.yaml', async () => {
  await using project = chain();
  for (const [args, says] of [
    [['gc', '--max-size', '20'], /--max-size 20: must be a size like 20G, or none/],
    [['gc', '--max-age', 'old'], /--max-age old: must be an age like 30d, or none/],
    [[], /vlb store requires a command: du, ls, gc, push, pull, prefetch, verify, clear or keygen/],
    [['frobnicate'], /frobnicate/],
  ] as const) {
    const ended = await project.vlb(['cache', ...args]);
    assert.equal(ended.status, 2, ended.stderr);
    assert.match(ended.stderr, says);
  }
  project.write({ 'vlb.yaml': 'cache:\n  max-size: 20G\n  max-age: 30\n' });
  const ended = await project.vlb(['cache', 'gc']);
  assert.equal(ended.status, 2, ended.stderr);
  assert.match(ended.stderr, /cache\.max-age must be an age like 30d, or none\n {2}at vlb\.yaml:3/);
});

test('a record says that its layer is not to be shared', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_own/build-layer': buildLayer('true', '# noshare'),
  });
  await build(project);
  const records = names(project, 'keys').filter((name) => name.endsWith('.json'));
  const told = records.map((name) => {
    const { layer, noshare } = JSON.parse(
      execFileSync('cat', [path.join(project.path('.vlb/store/keys'), name)], { encoding: 'utf8' }),
    );
    return `${layer} ${noshare}`;
  });
  assert.deepEqual(told.sort(), ['10_base undefined', '20_own true']);
});

test('du counts what layers keep in their cache-dirs, gc leaves it, clear removes it', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_kept/build-layer': buildLayer('head -c 100000 /dev/zero > /kept/it', '# vlb: cache-dir /kept'),
  });
  await build(project);
  const { caches } = await cache<CacheUsage>(project, 'du');
  assert.equal(caches.count, 1);
  assert.ok(caches.bytes >= 100_000, `${caches.bytes}`);
  await cache(project, 'gc', '--max-size', '0');
  assert.equal((await cache<CacheUsage>(project, 'du')).caches.count, 1);
  await cache(project, 'clear');
  assert.equal(existsSync(project.path('.vlb/store/caches')), false);
  assert.equal((await build(project)).outcomes, '10_base built, 20_kept built');
});
