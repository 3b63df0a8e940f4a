// NoCloud seeds: what becomes of a directory, read back from the ISO.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { findDefaultSeed, makeSeed } from '../../../../../src/host/boot/guest/seed.ts';
import { run } from '../../../../../src/host/process/run.ts';
import { BootRig, mustBeOk, mustFail } from '../../../../rig/boot/rig.ts';

const never = new AbortController().signal;

/** Writes a directory of seed files and returns its path. */
function seedDirectory(rig: BootRig, files: Readonly<Record<string, string>>, name = 'seed in'): string {
  const directory = path.join(rig.directory, name);
  mkdirSync(directory);
  for (const [file, content] of Object.entries(files)) writeFileSync(path.join(directory, file), content);
  return directory;
}

async function read(iso: string, file: string): Promise<string> {
  const out = `${iso}.out`;
  mustBeOk(
    await run('xorriso', ['-osirrox', 'on', '-overwrite', 'on', '-indev', iso, '-extract', file, out]),
  );
  return mustBeOk(await run('cat', [out])).stdout;
}

test('a seed has the label and the names that cloud-init looks for', async () => {
  using rig = new BootRig();
  const files = { 'user-data.yaml': '#cloud-config\n', 'network-config': 'version: 2\n', README: 'not this' };
  const iso = mustBeOk(await makeSeed(seedDirectory(rig, files), rig.directory, never));
  const label = mustBeOk(await run('blkid', ['-o', 'value', '-s', 'LABEL', iso]));
  assert.equal(label.stdout.trim(), 'CIDATA');
  const listing = mustBeOk(await run('xorriso', ['-indev', iso, '-find', '/', '-type', 'f']));
  assert.deepEqual(listing.stdout.trim().split('\n').sort(), [
    "'/meta-data'",
    "'/network-config'",
    "'/user-data'",
  ]);
  assert.equal(await read(iso, '/user-data'), '#cloud-config\n');
  assert.equal(await read(iso, '/meta-data'), 'instance-id: vlb-test-boot\n');
});

test('a meta-data that is there is taken as it is', async () => {
  using rig = new BootRig();
  const directory = seedDirectory(rig, { 'user-data': '#!/bin/sh\n', 'meta-data': 'instance-id: mine\n' });
  const iso = mustBeOk(await makeSeed(directory, rig.directory, never));
  assert.equal(await read(iso, '/meta-data'), 'instance-id: mine\n');
});

test('seeds that are none', async () => {
  using rig = new BootRig();
  const missing = mustFail(await makeSeed(path.join(rig.directory, 'nowhere'), rig.directory, never));
  assert.equal(missing.message, 'no such seed directory');
  const empty = mustFail(await makeSeed(seedDirectory(rig, { 'meta-data': '' }), rig.directory, never));
  assert.equal(empty.message, 'the seed has no user-data');
  const both = seedDirectory(rig, { 'user-data': '', 'user-data.yaml': '' }, 'both');
  assert.equal(
    mustFail(await makeSeed(both, rig.directory, never)).message,
    'the seed has both user-data and user-data.yaml',
  );
  for (const failure of [missing, empty]) assert.equal(failure.kind, 'usage');
});

test('a project’s own seed is used when it has a user-data', () => {
  using rig = new BootRig();
  assert.equal(findDefaultSeed(rig.directory), undefined);
  const directory = seedDirectory(rig, {}, 'test-boot');
  assert.equal(findDefaultSeed(rig.directory), undefined);
  writeFileSync(path.join(directory, 'user-data.yaml'), '#cloud-config\n');
  assert.equal(findDefaultSeed(rig.directory), directory);
});
