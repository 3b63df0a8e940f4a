// Each request of a push and of a pull goes wrong in every way that a network or a server has, one at a time: no wrong byte is
// used, every build ends right, and what can be tried again is.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ObjectStore } from '../../src/model/ports/object-store.ts';
import { openS3 } from '../../src/shared-cache/objects/s3.ts';
import { TestBucket } from '../rig/s3/bucket.ts';
import { FAULTS, type Fault, FaultProxy } from '../rig/s3/fault-proxy.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { digestsOf, howOf, type Made, Sharer, type SharerOptions } from '../rig/s3/sharer.ts';

const CHAIN = ['base', 'child'];
/** More than a part, which chance does not let become less. */
const LARGE = 9_000_000;

/** What trying again helps against. */
const PASSING: readonly Fault[] = ['truncated', 'slow', 'reset before', 'reset after', 409, 500, 503];

/** As many cases at once as do not get in each other's way. */
const AT_ONCE = 4;

let gateway: Gateway;
let bucket: TestBucket;
let environment: NodeJS.ProcessEnv;
let cases = 0;

before(async () => {
  gateway = await Gateway.start();
  bucket = await TestBucket.create('faults', gateway);
  environment = { ...process.env };
  Object.assign(process.env, bucket.env());
});
after(async () => {
  process.env = environment;
  bucket?.[Symbol.dispose]();
  await gateway?.[Symbol.asyncDispose]();
});

function open(prefix: string, endpoint = gateway.endpoint): ObjectStore {
  const options = { region: undefined, pathStyle: true, connectWithin: 5_000, silentFor: 60_000 };
  return openS3({ ...options, bucket: bucket.name, prefix, endpoint });
}

/** Builds a chain on a machine of its own. */
async function build(store: ObjectStore, { layers, ...options }: Case): Promise<Outcome> {
  using sharer = new Sharer(store, options);
  const made = await sharer.build(layers);
  sharer.assertSound(made);
  return { made, notes: sharer.notes };
}

interface Case extends SharerOptions {
  readonly layers: readonly string[];
}

interface Outcome {
  readonly made: readonly Made[];
  readonly notes: readonly string[];
}

/** The same through a proxy that spoils one request; undefined when there were fewer requests than that. */
async function buildSpoiled(
  prefix: string,
  fault: Fault,
  at: number,
  options: Case,
): Promise<(Outcome & { readonly spoiled: string }) | undefined> {
  await using proxy = await FaultProxy.start(gateway.endpoint, (number) =>
    number === at ? fault : undefined,
  );
  const outcome = await build(open(prefix, proxy.endpoint), options);
  const spoiled = proxy.requests[at];
  return spoiled === undefined ? undefined : { ...outcome, spoiled };
}

/** Does something for 0, 1, 2 … until there is nothing to do any more. Returns how often there was. */
async function forEachRequest(work: (at: number) => Promise<boolean>): Promise<number> {
  let next = 0;
  let count = 0;
  let isOver = false;
  const worker = async () => {
    while (!isOver) {
      if (await work(next++)) count++;
      else isOver = true;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return count;
}

const SMALL: Case = { layers: CHAIN };

for (const [what, options, faults, pushes, pulls] of [
  ['small artifacts', SMALL, FAULTS, 11, 5],
  [
    'an artifact of several parts',
    { layers: ['base'], bytes: LARGE },
    ['truncated', 'flipped', 'reset after', 404, 500],
    9,
    3,
  ],
] as const) {
  const all = (how: Made['how']) => options.layers.map(() => how).join(' ');
  describe(`with ${what}`, () => {
    for (const fault of faults) {
      test(`a push in which a request is answered wrongly: ${fault}`, async () => {
        const count = await forEachRequest(async (at) => {
          const prefix = `push/${cases++}`;
          const one = await buildSpoiled(prefix, fault, at, options);
          if (!one) return false;
          const about = `request ${at}: ${one.spoiled}\n${one.notes.join('\n')}`;
          assert.equal(howOf(one.made), all('built'), about);
          const two = await build(open(prefix), options);
          if (PASSING.includes(fault)) {
            assert.equal(howOf(two.made), all('fetched'), about);
            // That somebody had to wait is told too, and is no trouble.
            const troubles = one.notes.filter((note) => !/^waiting for the shared cache/.test(note));
            assert.deepEqual(troubles, [], about);
          }
          for (const [index, { how }] of two.made.entries()) {
            if (how === 'fetched')
              assert.equal(digestsOf(two.made)[index], digestsOf(one.made)[index], about);
          }
          const three = await build(open(prefix), options);
          assert.equal(howOf(three.made), all('fetched'), `${about}\n${two.notes.join('\n')}`);
          assert.deepEqual(digestsOf(three.made), digestsOf(two.made), about);
          return true;
        });
        assert.ok(count >= pushes, `${count} requests`);
      });

      test(`a pull in which a request is answered wrongly: ${fault}`, async () => {
        const prefix = `pull/${cases++}`;
        const one = await build(open(prefix), options);
        assert.deepEqual(one.notes, []);
        const count = await forEachRequest(async (at) => {
          const two = await buildSpoiled(prefix, fault, at, options);
          if (!two) return false;
          const about = `request ${at}: ${two.spoiled}\n${two.notes.join('\n')}`;
          if (PASSING.includes(fault)) {
            assert.equal(howOf(two.made), all('fetched'), about);
            assert.deepEqual(two.notes, [], about);
          }
          // Whatever was built here meanwhile was given up for what is there, and is whole.
          assert.deepEqual(digestsOf(two.made), digestsOf(one.made), about);
          return true;
        });
        assert.ok(count >= pulls, `${count} requests`);
        const three = await build(open(prefix), options);
        assert.deepEqual(digestsOf(three.made), digestsOf(one.made));
      });
    }
  });
}

// Those that say nothing of the server are answers like others.
for (const fault of ['truncated', 'flipped', 'reset before', 'reset after', 403, 500, 503] as const) {
  test(`a server that does nothing else any more: ${fault}`, async () => {
    const prefix = `lost/${cases++}`;
    const one = await build(open(prefix), SMALL);
    for (const after of [0, 1, 3]) {
      await using proxy = await FaultProxy.start(gateway.endpoint, (number) =>
        number >= after ? fault : undefined,
      );
      const two = await build(open(prefix, proxy.endpoint), SMALL);
      const about = `from request ${after} on\n${two.notes.join('\n')}`;
      assert.ok(two.notes.length > 0, about);
      // It asks for a while, and then no more.
      assert.ok(proxy.requests.length < 60, `${proxy.requests.length} requests`);
    }
    const three = await build(open(prefix), SMALL);
    assert.equal(howOf(three.made), 'fetched fetched', three.notes.join('\n'));
    assert.deepEqual(digestsOf(three.made), digestsOf(one.made));
  });
}
