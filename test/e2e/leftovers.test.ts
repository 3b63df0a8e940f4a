// What an earlier crash left behind, of this version of vlb or of another: the next command that needs the place clears it,
// and so does `vlb doctor --clean`. What belongs to a living process, or to a person, stays.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownerName } from '../../src/host/process/owner.ts';
import type { Finding } from '../../src/model/ports/checkup.ts';
import { untilClean } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk({ size: '32M' }),
  'layers/20_app/build-layer': buildLayer('echo made > /made'),
};

const DEAD = '999999999-1.00000000';

/** All that somebody of this name may have left. Those that end in a slash are directories with a file in them. */
function remainsOf(owner: string): string[] {
  const pid = owner.split(/\D/, 1)[0];
  return [
    `.vlb/runs/${owner}-0/`,
    `.vlb/runs/${owner}-1`,
    `.vlb/stat-index.${pid}`,
    `.vlb/.clock-${pid}`,
    `.vlb/lock.${owner}`,
    `.vlb/store/sha256/.tmp-${owner}-1234`,
    `.vlb/store/sha256/.tmp-${owner}-1234.compact`,
    `.vlb/store/sha256/.tmp-${owner}-directory/`,
    `.vlb/store/leases/${owner}`,
    `.vlb/store/projects/somewhere.json.${pid}`,
    `build/.flattening-${owner}.qcow2`,
  ];
}

/** The locks that somebody of this name may have left, by the text in them. */
const locksOf = (owner: string): Record<string, string> => ({
  '.vlb/store/locks/guard': owner,
  '.vlb/store/locks/somekey': owner,
  [`.vlb/store/locks/somekey.${owner}`]: owner,
  '.vlb/store/locks/otherkey.breaking': owner,
  '.vlb/lock.breaking': owner,
});

/** What no process can be told of: other versions may name things in whatever way. */
const UNKNOWN = [
  '.vlb/runs/run one/',
  '.vlb/runs/.hidden',
  '.vlb/store/sha256/.tmp-',
  '.vlb/store/sha256/.tmp-0a1b2c',
  '.vlb/store/sha256/.tmp-x-y-z/',
  '.vlb/store/leases/2.json',
  'build/.flattening-0a1b2c.qcow2',
];

/** Somebody else's: nothing of it is vlb's to remove. */
const KEPT = [
  'build/.notes-123',
  'build/.image.qcow2.swp',
  'build/mine.qcow2',
  '.vlb/mine',
  '.vlb/store/mine/file',
  '.vlb/store/sha256/readme',
];

function put(project: TestProject, names: readonly string[]): void {
  for (const name of names) project.write({ [name.endsWith('/') ? `${name}file` : name]: 'x' });
}

function whichAreThere(project: TestProject, names: Iterable<string>): string[] {
  return [...names].filter((name) => lstatSync(project.path(name), { throwIfNoEntry: false }));
}

/** A living process that looks like a vlb of another version: its names begin with its number. */
class OtherVersion implements AsyncDisposable {
  readonly #process: ChildProcess;

  static async start(project: TestProject): Promise<OtherVersion> {
    const file = path.join(path.dirname(project.directory), 'other/dist/main.mjs');
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, 'console.log("begun"); setInterval(() => {}, 60_000);');
    const started = spawn(process.execPath, [file], { cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((resolve) => started.stdout.once('data', resolve));
    return new OtherVersion(started);
  }

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  get name(): string {
    return `${this.#process.pid}@host`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }
}

for (const [by, clear] of [
  ['vlb doctor --clean', (project: TestProject) => project.vlb(['doctor', '--json', '--clean'])],
  ['the next build', (project: TestProject) => project.vlb(['build'])],
] as const) {
  test(`fault: leftovers of a dead vlb, whatever its version, are cleared by ${by}`, async () => {
    await using project = new TestProject(FILES);
    await using other = await OtherVersion.start(project);
    // This process is none that has names of its number alone: no vlb.
    const own = remainsOf(ownerName()).filter((name) => name.includes(ownerName()));
    const living = [...own, ...remainsOf(other.name)];
    const dead = [...remainsOf(DEAD), ...remainsOf('999999999@host'), ...UNKNOWN];
    const locks = { ...locksOf(DEAD), '.vlb/store/locks/unknown': '{"pid":1}', '.vlb/store/locks/empty': '' };
    put(project, [...living, ...dead, ...KEPT]);
    project.write({ ...locks, '.vlb/store/locks/mine': ownerName(), '.vlb/store/locks/other': other.name });
    symlinkSync('nowhere', project.path('build/.image.qcow2.999999999'));

    const ended = await clear(project);
    assert.equal(ended.status, 0, ended.stderr);
    assert.deepEqual(
      whichAreThere(project, [...dead, ...Object.keys(locks), 'build/.image.qcow2.999999999']),
      [],
    );
    assert.deepEqual(whichAreThere(project, [...living, ...KEPT]).sort(), [...living, ...KEPT].sort());
    assert.equal(readFileSync(project.path('.vlb/store/locks/mine'), 'utf8'), ownerName());
    assert.equal(readFileSync(project.path('.vlb/store/locks/other'), 'utf8'), other.name);
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
  });
}

test('vlb doctor counts what is left, and finds nothing once it is cleared', async () => {
  await using project = new TestProject(FILES);
  put(project, [...remainsOf(DEAD), ...UNKNOWN]);
  project.write(locksOf(DEAD));
  const look = async (): Promise<Finding | undefined> => {
    const { stdout } = await project.vlb(['doctor', '--json']);
    const { findings }: { findings: readonly Finding[] } = JSON.parse(stdout);
    return findings.find(({ name }) => name === 'leftovers');
  };
  assert.equal((await look())?.detail, '4 runs, 14 half-made files, 5 locks');
  const cleaned = await project.vlb(['doctor', '--json', '--clean']);
  assert.equal(cleaned.status, 0);
  assert.equal(JSON.parse(cleaned.stdout).removed.length, 4 + 14 + 5);
  assert.equal((await look())?.detail, 'none');
});

test('fault: SIGKILL of vlb diff where there is no project: the next one clears what is left', async () => {
  await using project = new TestProject(FILES);
  assert.equal((await project.build()).status, 0);
  const above = path.dirname(project.directory);
  const [place, images] = [path.join(above, 'tmp'), path.join(above, 'elsewhere')];
  for (const directory of [place, images]) mkdirSync(directory);
  for (const name of ['10_base', '20_app']) {
    const from = project.path('build', `${name}.qcow2`);
    execFileSync('qemu-img', ['convert', '-O', 'qcow2', from, path.join(images, `${name}.qcow2`)]);
  }
  const options = { cwd: images, env: { TMPDIR: place } };
  const diff = ['diff', './10_base.qcow2', './20_app.qcow2'];
  const child = spawn(VLB, diff, { ...options, env: { ...process.env, ...options.env }, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const begun = () =>
    readdirSync(place).some((name) => readdirSync(path.join(place, name)).some((one) => /^disk-/.test(one)));
  for (let tries = 0; !begun(); tries++) {
    assert.ok(tries < 20_000, 'it looks at a disk');
    await sleep(1);
  }
  child.kill('SIGKILL');
  await ended;
  assert.equal(readdirSync(place).length, 1);
  await untilClean(project);
  const next = await run(VLB, diff, options);
  assert.equal(next.status, 0, next.stderr);
  assert.match(next.stdout, /\/made/);
  assert.deepEqual(readdirSync(place), []);
});

test('fault: a loop device that was attached and not yet held is found by its note', async () => {
  await using project = new TestProject(FILES);
  const run = project.path('.vlb/runs', `${DEAD}-0`);
  mkdirSync(run, { recursive: true });
  for (const name of ['disk', 'loop', 'pid']) writeFileSync(path.join(run, name), '');
  writeFileSync(path.join(run, 'image'), Buffer.alloc(1024 ** 2));
  const node = JSON.stringify({ driver: 'file', 'node-name': 'disk', filename: `${run}/image` });
  const exported = JSON.stringify({
    ...{ type: 'fuse', id: 'disk', 'node-name': 'disk', mountpoint: `${run}/disk`, writable: true },
  });
  // As a run does it, up to the moment in which it is killed.
  runAsRoot(
    ...(['unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', 'sh', '-euc'] as const),
    `qemu-storage-daemon --blockdev "$1" --export "$2" --pidfile "$3/pid" & 
until [ -s "$3/pid" ]; do sleep 0.02; done
losetup --find --show "$3/disk" >"$3/loop"`,
    ...['sh', node, exported, run],
  );
  const device = readFileSync(path.join(run, 'loop'), 'utf8').trim();
  const backing = () => {
    const file = `/sys/block/${path.basename(device)}/loop/backing_file`;
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : 'none';
  };
  assert.equal(backing(), '/');
  const cleaned = await project.vlb(['doctor', '--json', '--clean']);
  assert.deepEqual(JSON.parse(cleaned.stdout).removed, [device, run]);
  assert.notEqual(backing(), '/');
});
