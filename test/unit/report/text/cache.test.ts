// What the cache commands print, word for word.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail, ok } from '../../../../src/model/failure.ts';
import type { CacheEntry, CacheUsage, Collected } from '../../../../src/model/ports/store-upkeep.ts';
import { keyOf } from '../../../../src/model/recipe.ts';
import { createStyle } from '../../../../src/report/terminal/style.ts';
import {
  badText,
  clearedText,
  collectedText,
  entriesText,
  evictionNotes,
  limitsText,
  usageText,
  verifiedText,
} from '../../../../src/report/text/cache.ts';
import { digestOf } from '../../../rig/tree.ts';

const STYLE = createStyle(false);
const LIMITS = { maxBytes: 20 * 2 ** 30, maxAge: 30 * 86_400 };
const NONE = { count: 0, bytes: 0 };

/** Times are shown as they are here. */
const at = (text: string) => new Date(`${text}:30`).toISOString();

const ENTRY: CacheEntry = {
  layer: '20_app',
  key: keyOf('x'),
  digest: digestOf('a'),
  keeping: 'cached',
  bytes: 1_887_436,
  created: at('2026-11-01T09:05'),
  lastUsed: at('2026-11-21T06:42'),
  inPlace: true,
};
const ORPHAN: CacheEntry = {
  ...ENTRY,
  layer: undefined,
  key: undefined,
  keeping: 'uncached',
  digest: digestOf('b'),
  bytes: 628_097_024,
  inPlace: false,
};

const COLLECTED: Collected = {
  removed: [ENTRY, { ...ORPHAN, keeping: 'cached' }],
  points: NONE,
  freed: { count: 2, bytes: ENTRY.bytes + ORPHAN.bytes },
  kept: { count: 1, bytes: 42 * 2 ** 30 },
  inUse: { count: 1, bytes: 42 * 2 ** 30 },
};

test('ls', () => {
  assert.equal(
    entriesText([ENTRY, ORPHAN], STYLE),
    [
      'LAYER       DIGEST           SIZE  CREATED           LAST USED',
      '20_app      aaaaaaaaaaaa  1.8 MiB  2026-11-01 09:05  2026-11-21 06:42  in place',
      '(uncached)  bbbbbbbbbbbb  599 MiB  2026-11-01 09:05  2026-11-21 06:42',
    ].join('\n'),
  );
});

test('du', () => {
  const usage: CacheUsage = {
    directory: `${process.cwd()}/.vlb/store`,
    records: { count: 12, bytes: 49_152 },
    artifacts: { count: 12, bytes: 1_887_436 },
    unrecorded: { count: 1, bytes: 4096 },
    drafts: NONE,
    damaged: { count: 1, bytes: 512 },
    points: { count: 3, bytes: 2048 },
    caches: { count: 300, bytes: 734_003_200 },
    total: { count: 325, bytes: 735_944_396 },
    projects: [process.cwd(), '/srv/other'],
  };
  assert.equal(
    usageText(usage, LIMITS),
    [
      '.vlb/store:',
      'artifacts           12    1.8 MiB',
      '  not recorded       1    4.0 KiB',
      'records, logs       12   48.0 KiB',
      'drafts               0        0 B',
      'damaged              1      512 B',
      'cache points         3    2.0 KiB',
      'cache-dirs         300    700 MiB',
      'total                     702 MiB',
      'limited to 20.0 GiB and 30 days without use',
      'used by this project',
      'used by /srv/other',
    ].join('\n'),
  );
});

test('gc', () => {
  assert.equal(
    collectedText(COLLECTED, false),
    [
      'removed 20_app       aaaaaaaaaaaa  1.8 MiB  last used 2026-11-21 06:42',
      'removed (no record)  bbbbbbbbbbbb  599 MiB  last used 2026-11-21 06:42',
      'freed 601 MiB; 1 entry, 42.0 GiB, stays (in use: 1, 42.0 GiB)',
    ].join('\n'),
  );
  assert.match(collectedText(COLLECTED, true), /^would remove 20_app[\s\S]*\nwould free 601 MiB; /);
});

test('clear and verify', () => {
  const cleared = {
    freed: { count: 2, bytes: 4096 },
    kept: { count: 2, bytes: 4096 },
    links: 3,
    others: ['/srv/other'],
  };
  assert.equal(
    clearedText(cleared),
    [
      'freed 4.0 KiB',
      'removed 3 links from build/',
      '2 entries, 4.0 KiB, stay: a running build uses them',
      'note: build/ of /srv/other has broken links now; its next build recreates them',
    ].join('\n'),
  );
  const bad = { layer: '20_app', file: '/s/a.qcow2', what: 'is missing', movedTo: '/s/damaged' };
  assert.equal(badText(bad), 'bad: 20_app: /s/a.qcow2 is missing; moved to /s/damaged');
  assert.equal(
    badText({ ...bad, layer: undefined, movedTo: undefined }),
    'bad: /s/a.qcow2 is missing; not moved: a running build uses it',
  );
  const artifacts = { count: 3, bytes: 4096 };
  assert.equal(verifiedText({ records: 3, artifacts, bad: [] }), 'checked 3 artifacts, 4.0 KiB: all good');
  assert.equal(
    verifiedText({ records: 3, artifacts, bad: [bad] }),
    'checked 3 artifacts, 4.0 KiB: 1 bad; the next build rebuilds what it needs',
  );
});

test('what a build says of its store', () => {
  assert.deepEqual(evictionNotes(ok(COLLECTED), LIMITS), [
    'evicted 2 entries, 601 MiB, from the cache, which is limited to 20.0 GiB and 30 days without use (cache: in vlb.yaml)',
    'the cache holds 42.0 GiB, more than its limit of 20.0 GiB: all of it is in use (cache: max-size in vlb.yaml)',
  ]);
  assert.deepEqual(evictionNotes(ok({ ...COLLECTED, removed: [], kept: NONE }), LIMITS), []);
  assert.deepEqual(evictionNotes(fail('host', 'cannot change the store: EROFS'), LIMITS), [
    'the cache could not be kept within its limits: cannot change the store: EROFS',
  ]);
  assert.equal(limitsText({ maxBytes: undefined, maxAge: 86_400 }), '1 day without use');
  assert.equal(limitsText({ maxBytes: undefined, maxAge: undefined }), 'nothing');
});
