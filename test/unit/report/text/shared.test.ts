// What the commands of the shared cache print, word for word.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SharedEntry } from '../../../../src/model/ports/shared-upkeep.ts';
import { keyOf } from '../../../../src/model/recipe.ts';
import { createStyle } from '../../../../src/report/terminal/style.ts';
import {
  pulledText,
  pushedText,
  sharedCollectedText,
  sharedEntriesText,
  sharedUsageText,
} from '../../../../src/report/text/shared.ts';
import { digestOf } from '../../../rig/tree.ts';

const at = (text: string) => new Date(`${text}:30`).toISOString();
const PLACE = 's3://example-vlb/images';

const ENTRY: SharedEntry = {
  scope: 'trusted',
  layer: '20_app',
  key: keyOf('x'),
  digest: digestOf('a'),
  bytes: 1_887_436,
  created: at('2026-11-01T09:05'),
  pushed: at('2026-11-01T09:06'),
};
const ORPHAN: SharedEntry = {
  ...ENTRY,
  scope: 'untrusted/pr-12',
  layer: undefined,
  key: undefined,
  digest: digestOf('b'),
  bytes: 628_097_024,
};
const traffic = (count: number) => ({ count, bytes: count * 2 ** 20, seconds: 0.5 });
const tally = (fetched: number, pushed: number) => ({
  fetched: traffic(fetched),
  pushed: traffic(pushed),
  savedSeconds: 75,
});

test('ls --remote', () => {
  assert.equal(
    sharedEntriesText([ENTRY, ORPHAN], createStyle(false)),
    [
      'LAYER        DIGEST           SIZE  CREATED           PUSHED            SCOPE',
      '20_app       aaaaaaaaaaaa  1.8 MiB  2026-11-01 09:05  2026-11-01 09:06  trusted',
      '(no record)  bbbbbbbbbbbb  599 MiB  2026-11-01 09:05  2026-11-01 09:06  untrusted/pr-12',
    ].join('\n'),
  );
  const evil = { ...ENTRY, layer: '\u001b[2Jx' };
  assert.equal(sharedEntriesText([evil], createStyle(false)).includes('\u001b'), false);
});

test('du --remote', () => {
  const usage = {
    place: PLACE,
    artifacts: { count: 12, bytes: 3 * 2 ** 30 },
    unrecorded: { count: 1, bytes: 2 ** 20 },
    records: { count: 11, bytes: 20_480 },
    total: { count: 23, bytes: 3 * 2 ** 30 + 20_480 },
    scopes: [
      { scope: 'trusted', count: 10, bytes: 2 * 2 ** 30 },
      { scope: 'untrusted/pr-12', count: 2, bytes: 2 ** 30 },
    ],
  };
  assert.equal(
    sharedUsageText(usage),
    [
      's3://example-vlb/images:',
      'artifacts               12    3.0 GiB',
      '  not recorded           1    1.0 MiB',
      'records                 11   20.0 KiB',
      'total                         3.0 GiB',
      'in trusted              10    2.0 GiB',
      'in untrusted/pr-12       2    1.0 GiB',
    ].join('\n'),
  );
});

test('gc --remote', () => {
  const collected = {
    place: PLACE,
    removed: [ENTRY, ORPHAN],
    lost: ['trusted/records/ab.json'],
    freed: { count: 2, bytes: ENTRY.bytes + ORPHAN.bytes },
    kept: { count: 1, bytes: 42 * 2 ** 30 },
  };
  const lines = [
    'removed 20_app       aaaaaaaaaaaa  1.8 MiB  pushed 2026-11-01 09:06  trusted',
    'removed (no record)  bbbbbbbbbbbb  599 MiB  pushed 2026-11-01 09:06  untrusted/pr-12',
    'removed trusted/records/ab.json, a record without an artifact, or damaged',
    'freed 601 MiB; 1 entry, 42.0 GiB, stays',
  ];
  assert.equal(sharedCollectedText(collected, false), lines.join('\n'));
  const would = lines.join('\n').replaceAll('removed', 'would remove').replace('freed', 'would free');
  assert.equal(sharedCollectedText(collected, true), would);
});

describe('push', () => {
  test('each layer, and why it was left', () => {
    const layers = [
      { layer: '10_base', state: 'there', bytes: 2 ** 20 },
      { layer: '20_app', state: 'pushed', bytes: 2 ** 20 },
      { layer: '30_x', state: 'other', bytes: 2 ** 20 },
      { layer: '40_own', state: 'private', bytes: 2 ** 20 },
      { layer: '50_y', state: 'not built' },
      { layer: '60_z', state: 'failed', bytes: 2 ** 20 },
    ] as const;
    assert.equal(
      pushedText({ layers, shared: tally(0, 1) }),
      [
        'present  10_base  1.0 MiB',
        'pushed   20_app   1.0 MiB',
        'skipped  30_x     1.0 MiB  the shared cache has another build of it or its parent',
        'skipped  40_own   1.0 MiB  it or its parent is not shared',
        'skipped  50_y              it is not built on this machine',
        'failed   60_z     1.0 MiB',
        'pushed 1 layer, 1.0 MiB in 0.50 s; 1 already present; 1 not built; 1 present in another build; 1 not shared; 1 failed',
      ].join('\n'),
    );
  });

  test('nothing', () => {
    const layers = [{ layer: '10_base', state: 'there', bytes: 2 ** 20 }] as const;
    assert.equal(
      pushedText({ layers, shared: undefined }),
      'present  10_base  1.0 MiB\nnothing was pushed; 1 already present',
    );
  });
});

describe('pull', () => {
  test('each layer, and why it has to be built', () => {
    const layers = [
      { layer: '10_base', state: 'here', bytes: 2 ** 20 },
      { layer: '20_app', state: 'fetched', bytes: 2 ** 20 },
      { layer: '30_x', state: 'not built', reason: 'no record' },
      { layer: '40_y', state: 'failed', bytes: 2 ** 20 },
    ] as const;
    assert.equal(
      pulledText({ layers, shared: tally(1, 0) }),
      [
        'present   10_base  1.0 MiB',
        'fetched   20_app   1.0 MiB',
        'to build  30_x              no record',
        'failed    40_y     1.0 MiB',
        'fetched 1 layer, 1.0 MiB in 0.50 s, which took 1 min 15 s to build; 1 already present; 1 to be built; 1 failed',
      ].join('\n'),
    );
  });

  test('nothing', () => {
    const layers = [{ layer: '10_base', state: 'here', bytes: 2 ** 20 }] as const;
    assert.equal(
      pulledText({ layers, shared: undefined }),
      'present  10_base  1.0 MiB\nnothing was fetched; 1 already present',
    );
  });
});
