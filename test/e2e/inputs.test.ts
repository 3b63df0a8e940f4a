// Inputs that are no files: parameters, the network, and a person's word.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

test('a parameter reaches the script and the key', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('echo "$VERSION" > /version', '# vlb: param VERSION=1 0'),
    'layers/30_end/build-layer': buildLayer('echo "end $NAME"', '# vlb: param NAME'),
  });
  const missing = await project.vlb(['build']);
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /layer 30_end wants a value for its parameter NAME\n.*30_end\/build-layer:2/);

  assert.equal((await project.build(['-p', 'NAME=a=b c'])).output, 'end a=b c');
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/version'), '1 0\n');
  assert.equal(
    (await project.build(['-p', 'NAME=a=b c'])).outcomes,
    '10_base fresh, 20_app fresh, 30_end fresh',
  );
  const why = await project.vlb(['why', 'app', '-p', 'NAME=x', '-p', 'VERSION=2']);
  assert.match(why.stdout, /^ {2}param VERSION: 1 0 → 2$/m);
  assert.equal((await project.build(['-p', 'NAME=x'])).outcomes, '10_base fresh, 20_app fresh, 30_end built');

  for (const [args, says] of [
    [['-p', 'VERSIO=1', '-p', 'NAME=x'], /no layer has a parameter VERSIO\n.*did you mean VERSION\?/],
    [['-p', 'VERSION'], /-p VERSION: not a parameter/],
  ] as const) {
    const ended = await project.vlb(['build', ...args]);
    assert.equal(ended.status, 2);
    assert.match(ended.stderr, says);
  }
});

test('network none leaves a script alone with its loopback', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_with/build-layer': buildLayer('cat /proc/net/dev | wc -l'),
    'layers/30_without/build-layer': buildLayer('cat /proc/net/dev', '# vlb: network none'),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  const without = built.events.flatMap((event) =>
    event.type === 'output' && event.layer === '30_without' ? [event.line] : [],
  );
  assert.equal(without.filter((line) => /^ *\w+:/.test(line)).length, 1, without.join('\n'));
});

test('--force runs a layer though nothing changed, and what stands on other bytes follows', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_random/build-layer': buildLayer('dd if=/dev/urandom of=/random bs=1k count=4 2>/dev/null'),
    'layers/30_end/build-layer': buildLayer('cat /random > /copy'),
  });
  assert.equal((await project.build()).status, 0);
  const forced = await project.build(['--force=random']);
  assert.equal(forced.outcomes, '10_base fresh, 20_random built, 30_end built', forced.told);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_random fresh, 30_end fresh');
  for (const all of ['--force', '--no-cache']) {
    assert.equal((await project.build([all])).outcomes, '10_base built, 20_random built, 30_end built', all);
  }
  assert.match(
    (await project.vlb(['build', '-n', '--force=nothing'])).stderr,
    /no layer is called "nothing"/,
  );
});
