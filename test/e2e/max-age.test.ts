// Results that count for a time only.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const HOUR = 3600_000;

test('a result that is older than max-age is built again, and the new one takes its place', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('cat /proc/uptime > /made', '# vlb: max-age 2h'),
    'layers/30_end/build-layer': buildLayer('true'),
  });
  assert.equal((await project.build()).status, 0);
  age(project, '20_app', HOUR);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh, 30_end fresh');

  age(project, '20_app', 9 * 24 * HOUR);
  const plan = await project.vlb(['plan']);
  assert.equal(plan.stdout, 'fresh   10_base\nrun     20_app   expired\nrun     30_end   parent changed\n');
  const why = await project.vlb(['why', 'app']);
  assert.match(
    why.stdout,
    /^20_app has to run: its result is older than its max-age\n {2}built 9 days ago \(20\d\d-.*Z\); max-age is 2 h 0 min\n$/,
  );
  const built = await project.build();
  assert.equal(built.outcomes, '10_base fresh, 20_app built, 30_end built', built.told);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh, 30_end fresh');
});

test('with the clock set back a result counts; one from far ahead does not', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('true', '# vlb: max-age 2h'),
  });
  assert.equal((await project.build()).status, 0);
  age(project, '20_app', -HOUR);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
  age(project, '20_app', -48 * HOUR);
  const why = await project.vlb(['why', 'app']);
  assert.match(why.stdout, /built 2 days ahead of the clock/);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app built');
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
});

test('a nocache layer expires too, and a failed run leaves the old record as it was', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('true', '# nocache\n# vlb: max-age 2h'),
    'layers/30_net/build-layer': buildLayer('cat /proc/uptime', '# vlb: from base\n# vlb: max-age 2h'),
  });
  assert.equal((await project.build()).status, 0);
  age(project, '20_app', 3 * HOUR);
  assert.equal((await project.build()).outcomes, '10_base fresh, 30_net fresh, 20_app built');

  age(project, '30_net', 3 * HOUR);
  const interrupted = await project.build(['net'], {
    onStdout: (text, kill) => text.includes('layer-started') && kill('SIGKILL'),
  });
  assert.equal(interrupted.status, null);
  assert.match((await project.vlb(['why', 'net'])).stdout, /older than its max-age\n {2}built 3 h 0 min ago/);
});

/** Makes a layer's last result as old as this, milliseconds. */
function age(project: TestProject, layer: string, milliseconds: number): void {
  const keys = project.path('.vlb/store/keys');
  const records = readdirSync(keys).filter((name) => name.endsWith('.json'));
  for (const file of [
    project.path(`.vlb/in-place/${layer}.json`),
    ...records.map((name) => `${keys}/${name}`),
  ]) {
    const record: { layer: string; created: string } = JSON.parse(readFileSync(file, 'utf8'));
    if (record.layer !== layer) continue;
    const created = new Date(Date.now() - milliseconds).toISOString();
    writeFileSync(file, JSON.stringify({ ...record, created }));
  }
}
