// The project that the tests of vlb watch change: a git repository with a chain of layers, each of which adds to one file.

import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { leftovers, readFromImage } from './host-state.ts';
import { TestProject } from './project.ts';
import { buildLayer, tinyDisk } from './tiny.ts';

export const add = (name: string) =>
  `echo "${name} $(cat input)" >> /chain; if grep -q slow input; then sleep 4; fi`;

export const SLOW_APP = { 'layers/20_app/input': 'slow\n' };

export const FILES = {
  '.gitignore': 'build/\n.vlb/\n',
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer(add('app')),
  'layers/20_app/input': 'one\n',
  'layers/30_data/build-layer': buildLayer(add('data')),
  'layers/30_data/input': 'one\n',
};

export function repository(more: Readonly<Record<string, string>> = {}): TestProject {
  const project = new TestProject({ ...FILES, ...more });
  project.git('init', '-q', '-b', 'one');
  project.git('add', '.');
  project.git('commit', '-qm', 'one');
  return project;
}

/** The image is what a clean build of the same files makes, and a build in the project finds nothing to do. */
export async function assertAsBuilt(project: TestProject): Promise<void> {
  const built = await project.build();
  assert.match(built.outcomes, /^(\d+_\w+ fresh(, )?)+$/);
  await using clean = new TestProject({});
  rmSync(clean.path('layers'), { recursive: true, force: true });
  cpSync(project.path('layers'), clean.path('layers'), { recursive: true });
  const cleanly = await clean.build();
  assert.equal(cleanly.status, 0, cleanly.told);
  const [own, other] = [project, clean].map((one) =>
    readFromImage(one.path('build/image.qcow2'), path.dirname(one.directory), '/chain'),
  );
  assert.equal(own, other);
  assert.deepEqual(leftovers(project), []);
}
