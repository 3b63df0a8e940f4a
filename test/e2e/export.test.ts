// vlb export: what is written, when it is written again, and what happens when it is disturbed.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExportFinished } from '../../src/model/event.ts';
import { readFromImage } from '../rig/host-state.ts';
import { Built, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const CONFIG = `
machines:
  web:
    disks:
      - image: 20_app
      - { name: data, size: 64M }
    exports: [raw.zst, { format: qcow2, compression: zlib }]
`;

describe('vlb export', () => {
  let project: TestProject;
  before(() => {
    project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
      'layers/20_app/build-layer': buildLayer('cp page /page'),
      'layers/20_app/page': 'first\n',
      'vlb.yaml': CONFIG,
    });
  });
  after(() => project[Symbol.asyncDispose]());

  const exported = async (...args: string[]) =>
    new Built(await project.vlb(['export', '--progress', 'json', ...args]));

  /** `web raw.zst written, web qcow2 fresh` */
  const outcomes = ({ events }: Built) =>
    events
      .filter((event): event is ExportFinished => event.type === 'export-finished')
      .map(({ machine, format, outcome }) => `${machine} ${format} ${outcome}`)
      .join(', ');

  const page = (image: string) => readFromImage(image, path.dirname(project.directory), '/page');

  test('builds the layers, writes each format, and a manifest with the digests of its files', async () => {
    const done = await exported();
    assert.equal(done.status, 0, done.told);
    assert.equal(done.outcomes, '10_base built, 20_app built');
    assert.equal(outcomes(done), 'web raw.zst written, web qcow2 written');
    const directory = project.path('build/export/web/qcow2');
    assert.deepEqual(readdirSync(directory).sort(), ['manifest.json', 'web.data.qcow2', 'web.qcow2']);
    const manifest = JSON.parse(readFileSync(path.join(directory, 'manifest.json'), 'utf8'));
    assert.deepEqual(
      manifest.files.map(({ name, sha256 }: { name: string; sha256: string }) => [name, sha256]),
      ['web.data.qcow2', 'web.qcow2'].map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(path.join(directory, name)))
          .digest('hex'),
      ]),
    );
    const [main] = manifest.disks;
    assert.deepEqual(
      main.layers.map(({ layer }: { layer: string }) => layer),
      ['10_base', '20_app'],
    );
    assert.equal(page(path.join(directory, 'web.qcow2')), 'first\n');
    assert.equal(existsSync(project.path('build/image.qcow2')), false, 'only a build makes the main image');
  });

  test('does nothing the second time, and plan and ls say so', async () => {
    assert.equal(outcomes(await exported()), 'web raw.zst fresh, web qcow2 fresh');
    assert.match((await project.vlb(['plan'])).stdout, /fresh +web as raw\.zst\nfresh +web as qcow2/);
    const listed = JSON.parse((await project.vlb(['plan', '--json'])).stdout);
    assert.deepEqual(listed.at(-1), { machine: 'web', format: 'qcow2', state: 'fresh' });
    assert.match((await project.vlb(['ls'])).stdout, /web as qcow2 +fresh/);
  });

  test('writes only what depends on what changed', async () => {
    project.write({ 'vlb.yaml': CONFIG.replace('zlib', 'none') });
    assert.equal(outcomes(await exported()), 'web raw.zst fresh, web qcow2 written');
    project.write({ 'layers/20_app/page': 'second\n' });
    const dry = await project.vlb(['export', '-n']);
    assert.match(dry.stdout, /run +20_app .*\nexport +web as raw\.zst +a layer has to be built/);
    assert.equal(outcomes(await exported('web')), 'web raw.zst written, web qcow2 written');
    assert.equal(page(project.path('build/export/web/qcow2/web.qcow2')), 'second\n');
  });

  test('notices a file that was changed, and one that is missing', async () => {
    const file = project.path('build/export/web/qcow2/web.data.qcow2');
    writeFileSync(file, 'x');
    assert.equal(outcomes(await exported()), 'web raw.zst fresh, web qcow2 written');
    rmSync(file);
    assert.equal(outcomes(await exported()), 'web raw.zst fresh, web qcow2 written');
  });

  test("leaves other people's files where they are, and does not replace one", async () => {
    const directory = project.path('build/export/web/qcow2');
    writeFileSync(path.join(directory, 'notes.txt'), 'mine');
    assert.equal(outcomes(await exported('--force', '--format', 'qcow2')), 'web qcow2 written');
    assert.equal(readFileSync(path.join(directory, 'notes.txt'), 'utf8'), 'mine');

    project.write({ 'dist/20_app/vdi/20_app.vdi': 'mine' });
    const refused = await project.vlb(['export', '20_app', '--format', 'vdi', '--output', 'dist']);
    assert.equal(refused.status, 2, refused.stderr);
    assert.match(
      refused.stderr,
      /would replace a file that vlb did not write\n.*dist\/20_app\/vdi\/20_app\.vdi/,
    );
    assert.equal(readFileSync(project.path('dist/20_app/vdi/20_app.vdi'), 'utf8'), 'mine');
    assert.deepEqual(readdirSync(project.path('dist/20_app')), ['vdi']);
  });

  test('runs the commands of an export, and the one after it again until it succeeds', async () => {
    const withHooks = CONFIG.replace(
      'compression: zlib }',
      'compression: zlib, before: echo before >> log, after: \'echo "$VLB_EXPORT_MACHINE $VLB_EXPORT_FORMAT" >> log; ls "$VLB_EXPORT_DIRECTORY" >> log; echo no room; test -e done\' }',
    );
    project.write({ 'vlb.yaml': withHooks });
    const args = ['--force', '--format', 'qcow2'];
    const failed = await project.vlb(['export', ...args]);
    assert.equal(failed.status, 1, failed.stderr);
    assert.match(
      failed.stderr,
      /the command after the export failed with exit status 1: echo .*\n +at vlb\.yaml:7\n[\s\S]*no room/,
    );
    const files = 'manifest.json\nnotes.txt\nweb.data.qcow2\nweb.qcow2\n';
    assert.equal(readFileSync(project.path('log'), 'utf8'), `before\nweb qcow2\n${files}`);
    assert.match((await project.vlb(['export', '-n'])).stdout, /web as qcow2 +its command failed/);

    project.write({ done: '', log: '' });
    const { ctimeMs } = statSync(project.path('build/export/web/qcow2/web.qcow2'));
    assert.equal(outcomes(await exported('--format', 'qcow2')), 'web qcow2 written');
    assert.equal(readFileSync(project.path('log'), 'utf8'), `web qcow2\n${files}`);
    assert.equal(statSync(project.path('build/export/web/qcow2/web.qcow2')).ctimeMs, ctimeMs);
    assert.equal(outcomes(await exported('--format', 'qcow2')), 'web qcow2 fresh');
    project.write({ 'vlb.yaml': CONFIG });
  });

  test('what a format cannot hold is an error before anything is built', async () => {
    project.write({
      'layers/20_app/page': 'not built\n',
      'layers/50_large/modify-disk': '#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 3T\n',
      'vlb.yaml': `machines:
  large: { disks: [{ image: 50_large }], exports: [vhd] }
  data: { disks: [{ image: 20_app }, { name: data, size: 3T }], exports: [raw, vhd] }
  two: { disks: [{ image: 20_app }, { name: data, size: 1G }], exports: [raw, gce] }
`,
    });
    const cases = [
      ['large', 2, 'the disk main of large has 3.0 TiB'],
      ['data', 3, 'the disk data of data has 3.0 TiB'],
      ['two', 4, 'the format gce holds one disk, and two has 2'],
    ] as const;
    for (const [name, line, message] of cases) {
      for (const option of ['--force', '-n']) {
        const { status, stdout, stderr } = await project.vlb(['export', name, option]);
        assert.equal(status, 2, stderr);
        assert.match(stderr, new RegExp(`${message}(.|\\n)*at vlb\\.yaml:${line}`));
        assert.doesNotMatch(stdout + stderr, /building|exporting/);
      }
    }
    rmSync(project.path('layers/50_large'), { recursive: true });
    project.write({ 'layers/20_app/page': 'second\n', 'vlb.yaml': CONFIG });
  });

  test('--no-build fails where a layer has to be built, and names it', async () => {
    project.write({ 'layers/20_app/page': 'third\n' });
    const refused = await project.vlb(['export', '--no-build']);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /20_app is not built\n.*leave out --no-build/);
    project.write({ 'layers/20_app/page': 'second\n' });
    assert.equal(outcomes(await exported('--no-build')), 'web raw.zst fresh, web qcow2 fresh');
  });

  test('an image that no machine names becomes a machine with one disk', async () => {
    const done = await exported('app', '--format', 'raw', '--output', project.path('out'));
    assert.equal(outcomes(done), '20_app raw written');
    assert.equal(done.finished?.exports?.[0]?.directory, 'out/20_app/raw');
    const raw = project.path('out/20_app/raw/20_app.raw');
    assert.ok(statSync(raw).blocks * 512 < statSync(raw).size, 'the file has holes');
  });

  test('two at once: one waits for the other, and finds its export', async () => {
    const both = await Promise.all([exported('--force', '--format', 'vhdx'), exported('--format', 'vhdx')]);
    assert.deepEqual(
      both.map(({ status }) => status),
      [0, 0],
    );
    const words = both.map(outcomes).sort();
    assert.ok(words.includes('web vhdx written'), words.join());
  });

  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    test(`fault: ${signal} while an export is written leaves the earlier one, and nothing else`, async () => {
      const file = project.path('build/export/web/raw.zst/web.raw.zst');
      const earlier = readFileSync(file);
      // Large enough to be met while it is written.
      project.write({ 'vlb.yaml': CONFIG.replace('64M', '2G') });
      const child = spawn(VLB, ['export', '--force', '--format', 'raw.zst'], { cwd: project.directory });
      const closed = new Promise((resolve) => child.on('close', resolve));
      const beside = () =>
        readdirSync(project.path('build/export/web')).filter((name) => name.startsWith('.'));
      while (!beside().some((name) => name.includes('-fresh-'))) {
        assert.equal(child.exitCode, null, 'it ended before');
        await sleep(5);
      }
      child.kill(signal);
      await closed;
      assert.deepEqual(readFileSync(file), earlier);
      project.write({ 'vlb.yaml': CONFIG });
      assert.equal(outcomes(await exported()), 'web raw.zst fresh, web qcow2 fresh');
      if (signal === 'SIGINT') assert.deepEqual(beside(), []);
      assert.equal(outcomes(await exported('--force', '--format', 'raw.zst')), 'web raw.zst written');
      assert.deepEqual(beside(), []);
    });
  }

  test('a full disk is named, and the earlier export stays', async () => {
    const small = project.path('small');
    project.write({ 'small/x': '' });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1M', 'none', small]);
    try {
      const full = await project.vlb(['export', '--format', 'qcow2', '--output', 'small']);
      assert.equal(full.status, 3, full.stderr);
      assert.match(full.stderr, /no space left on the disk/);
      assert.deepEqual(readdirSync(path.join(small, 'web')), []);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});
