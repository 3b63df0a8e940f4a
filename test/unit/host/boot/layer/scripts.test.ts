// The scripts around a layer's script in a guest: valid for any shell, and unharmed by the way that they get there.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { AGENT_COMMAND, RUN, TAKE, TMPFILES } from '../../../../../src/host/boot/layer/scripts.ts';

test('they are scripts', () => {
  for (const script of [TAKE, RUN, AGENT_COMMAND]) {
    execFileSync('/bin/sh', ['-n'], { input: script });
    execFileSync('bash', ['--posix', '-n'], { input: script });
  }
});

test('systemd-tmpfiles writes what was meant, in memory only', () => {
  const lines = TMPFILES.trimEnd().split('\n');
  for (const line of lines) assert.match(line, /^(?:d|f\+) \/run\/\S+ 0\d{3} - - - \S/);
  const [take = ''] = lines.filter((line) => line.startsWith('f+ /run/vlb/take '));
  const [, text = ''] = /^f\+ \S+ \S+ - - - (.*)$/.exec(take) ?? [];
  const written = text.replace(
    /%%|\\\\|\\n/g,
    (code) => ({ '%%': '%', '\\\\': '\\', '\\n': '\n' })[code] ?? '',
  );
  assert.equal(written, TAKE);
});
