// --trace FILE: what a bug report needs, and no secrets.

import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const SECRET = 'pa55-w0rd-of-the-test';

interface Line {
  readonly event: string;
  readonly verb?: string;
  readonly argv?: readonly string[];
  readonly id?: number;
  readonly layer?: string;
  readonly stage?: string;
  readonly status?: number;
  readonly steps?: unknown;
}

test('a build that fails: decisions, commands, stages and the result', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('cat /run/secrets/token; exit 3', '# vlb: secret token'),
  });
  const above = path.dirname(project.directory);
  writeFileSync(path.join(above, 'token'), SECRET);
  const file = project.path('trace.jsonl');
  const args = ['--secret', `token=${path.join(above, 'token')}`, '--trace', file];
  const built = await project.build(args, { env: { SOME_VARIABLE: 'its-value' } });
  assert.equal(built.status, 1, built.told);
  const text = readFileSync(file, 'utf8');
  const lines: readonly Line[] = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

  assert.equal(lines[0]?.event, 'trace');
  assert.deepEqual(lines[0]?.argv, ['build', '--progress', 'json', ...args]);
  assert.deepEqual(lines.find(({ event }) => event === 'plan')?.steps, [
    { layer: '10_base', action: 'run', reason: 'no record' },
    { layer: '20_app', action: 'run', reason: 'parent changed' },
  ]);
  const begun = lines.filter(({ event }) => event === 'command' || event === 'root');
  const ended = new Set(lines.flatMap(({ event, id }) => (event.endsWith('-ended') ? [id] : [])));
  assert.deepEqual(
    begun.filter(({ id }) => !ended.has(id)),
    [],
  );
  assert.ok(begun.some(({ event, argv }) => event === 'command' && argv?.[0] === 'qemu-img'));
  assert.ok(begun.some(({ verb, argv }) => verb === 'write' && argv?.length === 1));
  assert.ok(begun.some(({ verb, argv }) => verb === 'run' && argv?.[0] === 'mount'));
  assert.ok(
    lines.some(({ event, layer, stage }) => `${event} ${layer} ${stage}` === 'layer-stage 20_app run'),
  );
  assert.deepEqual([lines.at(-1)?.event, lines.at(-1)?.status], ['result', 1]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  for (const hidden of [SECRET, Buffer.from(SECRET).toString('base64'), 'its-value']) {
    assert.equal(text.includes(hidden), false, hidden);
  }
});

test('a file that cannot be written is refused before anything runs', async () => {
  await using project = new TestProject({ 'layers/10_base/modify-disk': tinyDisk() });
  const ended = await project.vlb(['build', '--trace', 'no/such/file']);
  assert.equal(ended.status, 2);
  assert.match(ended.stderr, /^error: --trace no\/such\/file: ENOENT/);
});
