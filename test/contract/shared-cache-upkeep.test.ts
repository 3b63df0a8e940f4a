// The keeping of a bucket beside machines that read and write it: what goes, and that it goes in an order that harms nobody.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Answer, type Received, storeError } from '../../src/model/ports/object-store.ts';
import type { SharedCollected } from '../../src/model/ports/shared-upkeep.ts';
import type { CacheLimits } from '../../src/model/ports/store-upkeep.ts';
import { RetryingObjectStore } from '../../src/shared-cache/objects/retrying.ts';
import { openSharedCacheUpkeep } from '../../src/shared-cache/upkeep/shared-upkeep.ts';
import { MemoryStore } from '../rig/s3/memory-store.ts';
import { digestsOf, HASTE, howOf, Sharer } from '../rig/s3/sharer.ts';
import { failureIn, valueIn } from '../rig/tree.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;
const ALL = { maxBytes: 0 };

function keeperOf(remote: MemoryStore) {
  return openSharedCacheUpkeep(
    new RetryingObjectStore(remote, HASTE, { onLost: () => {}, onFound: () => {} }),
  );
}

async function gc(
  remote: MemoryStore,
  limits: Partial<CacheLimits>,
  dryRun = false,
): Promise<SharedCollected> {
  const all = { maxBytes: undefined, maxAge: undefined, ...limits };
  return valueIn(await keeperOf(remote).collect(all, { dryRun, signal }));
}

function layersOf({ removed }: SharedCollected): string {
  return removed.map(({ layer }) => layer ?? '-').join(' ');
}

/** Makes all that is there look as if it had been pushed so many days earlier. */
function age(remote: MemoryStore, days: number): void {
  for (const [name, object] of remote.objects) {
    remote.objects.set(name, { ...object, modified: object.modified - days * DAY });
  }
}

/** A bucket where something happens behind each deletion. */
class Watched extends MemoryStore {
  readonly deleted: (readonly string[])[] = [];
  behind: (names: readonly string[]) => Promise<void> = async () => {};

  override async delete(names: readonly string[]): Promise<Answer<void>> {
    this.deleted.push(names);
    const deleted = await super.delete(names);
    await this.behind(names);
    return deleted;
  }
}

test('what was pushed long ago goes, save for what something younger stands on', async () => {
  const remote = new Watched();
  using one = new Sharer(remote);
  using two = new Sharer(remote);
  await one.build(['base', 'old', 'older']);
  age(remote, 10);
  const made = await one.build(['base', 'new']);
  const names = [...remote.objects.keys()].sort();
  const would = await gc(remote, { maxAge: 5 * 86_400 }, true);
  assert.equal(layersOf(would), 'older old');
  assert.deepEqual([[...remote.objects.keys()].sort(), remote.deleted], [names, []], 'nothing was done');

  const done = await gc(remote, { maxAge: 5 * 86_400 });
  assert.deepEqual(done, would);
  const [records = [], artifacts = []] = remote.deleted;
  assert.equal(remote.deleted.length, 2);
  assert.ok(records.length === 2 && records.every((name) => name.includes('/records/')), 'records first');
  assert.ok(artifacts.length === 2 && artifacts.every((name) => name.includes('/artifacts/')));
  const fetched = await two.build(['base', 'new']);
  assert.equal(howOf(fetched), 'fetched fetched');
  assert.deepEqual(digestsOf(fetched), digestsOf(made));
  assert.equal(howOf(await two.build(['base', 'old'])), 'had built');
  assert.deepEqual(two.notes, []);
});

test('the probe, and what is not of vlb, is left alone', async () => {
  const remote = new MemoryStore();
  using one = new Sharer(remote);
  await one.build(['base']);
  const others = ['notes.txt', 'trusted/records/x.json', 'trusted/artifacts/x', 'else/records/y'];
  for (const name of others) await remote.put(name, Buffer.from('x'), 'always');
  age(remote, 1000);
  await gc(remote, ALL);
  assert.deepEqual([...remote.objects.keys()].sort(), [...others, 'trusted/probe'].sort());
});

test('usage and entries tell all of it', async () => {
  const remote = new MemoryStore();
  using one = new Sharer(remote);
  using two = new Sharer(remote, { scope: 'untrusted/x' });
  await one.build(['base', 'app']);
  await two.build(['base', 'own']);
  const entries = valueIn(await keeperOf(remote).entries(signal));
  assert.deepEqual(entries.map(({ layer, scope }) => `${scope} ${layer}`).sort(), [
    'trusted app',
    'trusted base',
    'untrusted/x own',
  ]);
  const usage = valueIn(await keeperOf(remote).usage(signal));
  assert.deepEqual([usage.artifacts.count, usage.unrecorded.count, usage.records.count], [3, 0, 3]);
  const bytes = [...remote.objects].filter(([name]) => !name.endsWith('/probe'));
  assert.equal(
    usage.total.bytes,
    bytes.reduce((total, [, object]) => total + object.bytes.length, 0),
  );
  assert.deepEqual(
    usage.scopes.map(({ scope, count }) => `${scope} ${count}`),
    ['trusted 2', 'untrusted/x 1'],
  );
});

describe('beside builds', () => {
  test('whoever writes a record once more, since the artifact was there, keeps it and what is below', async () => {
    const remote = new Watched();
    using one = new Sharer(remote);
    using two = new Sharer(remote);
    const made = await one.build(['base', 'app']);
    await one.build(['base', 'other']);
    const [, app] = made;
    const name = `trusted/records/${app?.record.key}.json`;
    const { bytes } = remote.objects.get(name) ?? assert.fail(name);
    remote.behind = async (names) => {
      if (names.includes(name)) await remote.put(name, bytes, 'absent');
    };
    assert.equal(layersOf(await gc(remote, ALL)), 'other');
    const artifacts = [...remote.objects.keys()].filter((each) => each.includes('/artifacts/'));
    const kept = digestsOf(made).map((digest) => `trusted/artifacts/${digest}.qcow2.zst`);
    assert.deepEqual(artifacts.sort(), kept.sort());
    // The base's record is written again by the next build that has it, as a part of what is below.
    assert.match(howOf(await two.build(['base', 'app'])), /^built/);
  });

  test('an artifact whose record is on its way is left for a day', async () => {
    const remote = new Watched();
    using one = new Sharer(remote);
    await one.build(['base']);
    const [record = ''] = [...remote.objects.keys()].filter((name) => name.includes('/records/'));
    await remote.delete([record]);
    assert.equal(layersOf(await gc(remote, ALL)), '');
    age(remote, 1.01);
    assert.equal(layersOf(await gc(remote, ALL)), '-');
  });

  test('a build that found what goes meanwhile makes it itself', async () => {
    const remote = new Watched();
    using one = new Sharer(remote);
    using two = new Sharer(remote);
    const [base] = await one.build(['base', 'app']);
    const key = base?.record.key ?? assert.fail();
    const found = (await two.store.lookup(key)) ?? assert.fail();
    await gc(remote, ALL);
    assert.equal(await two.store.shared?.fetch(found, signal), false);
    assert.equal(await two.store.lookup(key), undefined, 'it is a miss from then on');
    const made = await two.build(['base', 'app']);
    assert.equal(howOf(made), 'built built');
    two.assertSound(made);
    using three = new Sharer(remote);
    assert.deepEqual(digestsOf(await three.build(['base', 'app'])), digestsOf(made), 'and is there again');
  });

  test('however often it comes between, each build is right', async () => {
    const remote = new Watched();
    let isOver = false;
    const keeping = (async () => {
      for (; !isOver; await new Promise((resolve) => setImmediate(resolve))) await gc(remote, ALL);
    })();
    const names = ['base', 'a', 'b', 'c'];
    const machines = Array.from({ length: 4 }, () => new Sharer(remote));
    const chains = await Promise.all(machines.map((machine) => machine.build(names)));
    isOver = true;
    await keeping;
    for (const [index, machine] of machines.entries()) {
      machine.assertSound(chains[index] ?? []);
      machine[Symbol.dispose]();
    }
    assert.ok(remote.deleted.length > 0);
    using last = new Sharer(remote);
    last.assertSound(await last.build(names));
  });
});

describe('trouble', () => {
  class Failing extends Watched {
    /** How many objects may still be read. */
    left = Number.POSITIVE_INFINITY;
    kind: 'unavailable' | 'refused' | 'absent' = 'unavailable';

    override async get(name: string, ...rest: [number, string | undefined]): Promise<Answer<Received>> {
      return this.left-- > 0 ? super.get(name, ...rest) : storeError(this.kind, 'it says no');
    }
  }

  for (const kind of ['unavailable', 'refused'] as const) {
    test(`a record that cannot be read (${kind}) is not taken for one that is of no use`, async () => {
      const remote = new Failing();
      using one = new Sharer(remote);
      await one.build(['base', 'a', 'b', 'c']);
      age(remote, 10);
      remote.left = 2;
      remote.kind = kind;
      const failure = failureIn(
        await keeperOf(remote).collect({ maxBytes: 0, maxAge: undefined }, { dryRun: false, signal }),
      );
      assert.equal(failure.kind, 'host');
      assert.equal(failure.message, 'cannot read the shared cache s3://memory: it says no');
      assert.deepEqual(remote.deleted, []);
    });
  }

  test('a record that goes between the list and its reading is left out', async () => {
    const remote = new Failing();
    using one = new Sharer(remote);
    await one.build(['base', 'a', 'b', 'c']);
    remote.left = 2;
    remote.kind = 'absent';
    assert.equal(valueIn(await keeperOf(remote).entries(signal)).filter(({ key }) => key).length, 2);
  });

  test('what cannot be deleted is told, with the right that is missing', async () => {
    const remote = new (class extends MemoryStore {
      override async delete(): Promise<Answer<void>> {
        return storeError('refused', '403 AccessDenied');
      }
    })();
    using one = new Sharer(remote);
    await one.build(['base']);
    const failure = failureIn(
      await keeperOf(remote).collect({ maxBytes: 0, maxAge: undefined }, { dryRun: false, signal }),
    );
    assert.equal(failure.message, 'cannot change the shared cache s3://memory: 403 AccessDenied');
    assert.equal(failure.hint, 'use credentials that allow s3:DeleteObject');
  });

  test('a signal ends it', async () => {
    const remote = new Watched();
    using one = new Sharer(remote);
    await one.build(['base']);
    const stopped = await keeperOf(remote).entries(AbortSignal.abort());
    assert.equal(failureIn(stopped).kind, 'interrupted');
  });
});

test('records that are large are read one at a time: anybody may have filled an untrusted scope with them', async () => {
  let [open, most, read] = [0, 0, 0];
  class Counting extends MemoryStore {
    override async get(name: string, from: number, tag: string | undefined): Promise<Answer<Received>> {
      const got = await super.get(name, from, tag);
      if (!got.ok) return got;
      most = Math.max(most, ++open);
      read++;
      got.value.body.on('close', () => open--);
      return got;
    }
  }
  const remote = new Counting();
  for (let count = 0; count < 20; count++) {
    const name = `untrusted/pr-1/records/${String(count).padStart(64, '0')}.json`;
    remote.objects.set(name, { bytes: Buffer.alloc(5 * 2 ** 20), tag: '"t"', modified: 0 });
  }
  const collected = await gc(remote, {});
  assert.equal(collected.lost.length, 20);
  assert.deepEqual([most, read], [1, 20]);
});
