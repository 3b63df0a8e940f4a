// What --cache and VLB_CACHE may say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCacheUse } from '../../../../src/project/config/cache-use.ts';
import { failureIn, valueIn } from '../../../rig/tree.ts';

for (const [text, access] of [
  [undefined, 'rw'],
  ['local:rw', 'rw'],
  ['remote:r', 'r'],
  ['remote:rw', 'rw'],
  ['local:rw,remote:off', 'off'],
  ['remote:r,local:rw', 'r'],
] as const) {
  test(`${text}`, () => assert.equal(valueIn(parseCacheUse(text, '--cache')), access));
}

for (const [text, message] of [
  ['local:r', /--cache local:r: the local store is always read and written/],
  ['remote', /--cache: unknown setting "remote"/],
  ['remote:w', /unknown setting "remote:w"/],
  ['remote:rw:r', /unknown setting "remote:rw:r"/],
  ['elsewhere:rw', /unknown setting "elsewhere:rw"/],
  ['local:rw,,remote:r', /unknown setting ""/],
  ['remote:r,remote:rw', /^--cache sets "remote" twice$/],
] as const) {
  test(`${text} is refused`, () => {
    const failure = failureIn(parseCacheUse(text, '--cache'));
    assert.equal(failure.kind, 'usage');
    assert.match(failure.message, message);
  });
}
