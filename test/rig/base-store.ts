// The first layers of tests that take a minute each, such as a Debian, built once for all tests that begin with the same.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run, type TestProject, VLB } from './project.ts';
import { runAsRoot } from './root.ts';

const PREFIX = 'vlb-test-base-';
/** Mirrors change, and what was made from them a day ago is made again, ms. */
const KEPT = 24 * 3_600_000;

/**
 * Gives a project without a store one in which its first layer is built. The layer is built in a place that all tests of this
 * machine share, by the first that needs it; others wait for that.
 */
export async function startWithBase(project: TestProject): Promise<void> {
  removeOld();
  const [first = ''] = readdirSync(project.path('layers')).sort();
  const layer = path.join('layers', first);
  const place = path.join(tmpdir(), `${PREFIX}${hashOf(project.path(layer))}`);
  if (!existsSync(place)) putInPlace(project.path(layer), place, layer);
  const built = await run(VLB, ['build'], { cwd: place });
  assert.equal(built.status, 0, built.stderr);
  mkdirSync(project.path('.vlb'));
  // Holes stay holes.
  execFileSync('cp', ['--archive', path.join(place, '.vlb/store'), project.path('.vlb/store')]);
}

/** Whole or not at all: another test may be building there already. */
function putInPlace(source: string, place: string, layer: string): void {
  const work = mkdtempSync(path.join(tmpdir(), `${PREFIX}new-`));
  cpSync(source, path.join(work, layer), { recursive: true });
  try {
    renameSync(work, place);
  } catch (error) {
    rmSync(work, { recursive: true });
    if (!existsSync(place)) throw error; // otherwise another test was faster
  }
}

function removeOld(): void {
  for (const name of readdirSync(tmpdir())) {
    const place = path.join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || Date.now() - statSync(place).birthtimeMs < KEPT) continue;
    runAsRoot('rm', '-rf', '--', place);
  }
}

function hashOf(directory: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const file = path.join(directory, name);
    hash.update(`${name}\n`);
    if (statSync(file).isFile()) hash.update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}
