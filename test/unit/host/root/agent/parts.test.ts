// The parts of the agent: every one is read in, and shellcheck finds nothing in them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { AGENT } from './agent.ts';

const parts = readdirSync(AGENT).filter((name) => name !== 'agent.sh');

test('agent.sh reads each part once, in lines that the bundler finds', () => {
  const lines = readFileSync(path.join(AGENT, 'agent.sh'), 'utf8').split('\n');
  const read = lines.flatMap((line) => /^\. "\$\{0%\/\*\}\/(.+)"$/.exec(line)?.[1] ?? []);
  assert.deepEqual(read.sort(), parts.sort());
});

test('every part says which functions it has', () => {
  for (const part of parts) {
    const text = readFileSync(path.join(AGENT, part), 'utf8');
    const [, listed = ''] = /^# Functions: (.*(?:\n# {3}.*)*)$/m.exec(text) ?? [];
    const defined = [...text.matchAll(/^(\w+)\(\) [({]$/gm)].map(([, name]) => name ?? '');
    assert.deepEqual(
      listed
        .replaceAll('#', '')
        .split(/[\s,]+/)
        .sort(),
      defined.sort(),
      part,
    );
  }
});

test('shellcheck finds nothing', (t) => {
  const checked = spawnSync(
    'shellcheck',
    ['--external-sources', '--source-path=SCRIPTDIR', '--shell=sh', path.join(AGENT, 'agent.sh')],
    { encoding: 'utf8' },
  );
  // In CI a test that cannot run fails.
  if (checked.error && !process.env['CI']) return t.skip('NOT RUN: shellcheck is not installed');
  assert.ifError(checked.error);
  assert.equal(checked.stdout, '');
});
