// vlb ci writes the graph as a pipeline, the same for everybody; and a build can keep its state outside of the project, as jobs do.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const LAYERS = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_a/build-layer': buildLayer('echo a > /a', '# vlb: cpus 2\n# vlb: param N=x'),
  'layers/30_b/build-layer': buildLayer('echo b > /b', '# vlb: from a'),
  'layers/40_c/build-layer': buildLayer('echo c > /c', '# vlb: from a'),
};

const SHARED = {
  ...LAYERS,
  'vlb.yaml': 'cache: { s3: { bucket: layers, endpoint: "http://127.0.0.1:9" } }\n',
};

describe('vlb ci', () => {
  test('asks nothing of the shared cache, writes the same each time, and fails a check once the graph has changed', async () => {
    await using project = new TestProject(SHARED);
    const written = await project.vlb(['ci', '--format', 'gitlab']);
    assert.equal(written.status, 0, written.stderr);
    assert.match(written.stdout, /^20_a:\n(?: .*\n)+30_b:\n(?: .*\n)+40_c:\n(?: .*\n)+images:\n/m);
    assert.equal(existsSync(project.path('.vlb')), false);
    const output = ['ci', '--format', 'gitlab', '--output', 'vlb.gitlab.yml'];
    assert.deepEqual((await project.vlb(output)).status, 0);
    assert.equal(readFileSync(project.path('vlb.gitlab.yml'), 'utf8'), written.stdout);
    const check = [...output, '--check'];
    const same = await project.vlb(check);
    assert.deepEqual([same.status, same.stdout, same.stderr], [0, '', '']);
    project.write({ 'layers/50_d/build-layer': buildLayer('true', '# vlb: from b') });
    const other = await project.vlb(check);
    assert.equal(other.status, 1, other.stderr);
    assert.match(other.stderr, /the pipeline is not that of the project\n +at vlb\.gitlab\.yml:\d+/);
    // A file that is only longer differs behind its end; the advice has all words that the file depends on.
    const part = ['ci', '20_a', '--format', 'slurm', '--output', 'a.sh', '-p', "N=it's"];
    assert.equal((await project.vlb(part)).status, 0);
    const text = readFileSync(project.path('a.sh'), 'utf8');
    project.write({ 'a.sh': `${text}true\n` });
    const longer = await project.vlb([...part, '--check']);
    assert.equal(longer.status, 1, longer.stderr);
    const lines = text.split('\n').length;
    assert.match(longer.stderr, new RegExp(`\\n +at a\\.sh:${lines}\\n`));
    assert.match(longer.stderr, /: vlb ci 20_a --format slurm --output a\.sh -p 'N=it'\\''s'$/m);
    assert.deepEqual(
      readdirSync(project.directory).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });

  test('needs a shared cache and a format', async () => {
    await using project = new TestProject(LAYERS);
    const alone = await project.vlb(['ci', '--format', 'github']);
    assert.equal(alone.status, 2);
    assert.match(alone.stderr, /the project has no shared cache/);
    const without = await project.vlb(['ci']);
    assert.equal(without.status, 2);
    assert.match(without.stderr, /vlb ci requires --format\n.*gitlab, github, slurm, kubernetes/);
  });
});

test('VLB_STATE_DIR: state and results are there, and nothing is written in the project', async () => {
  await using project = new TestProject(LAYERS);
  const state = mkdtempSync(path.join(tmpdir(), 'vlb-state-'));
  try {
    const env = { VLB_STATE_DIR: state };
    const built = await project.build(['20_a'], { env });
    assert.equal(built.outcomes, '10_base built, 20_a built', built.told);
    assert.ok(existsSync(path.join(state, 'build/image.qcow2')));
    assert.deepEqual([existsSync(project.path('.vlb')), existsSync(project.path('build'))], [false, false]);
    assert.equal((await project.build(['20_a'], { env })).outcomes, '10_base fresh, 20_a fresh');
    assert.equal((await project.vlb(['log', '20_a'], { env })).status, 0);
  } finally {
    runAsRoot('rm', '-rf', '--', state);
  }
});
