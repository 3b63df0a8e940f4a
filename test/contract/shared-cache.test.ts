// What the shared cache promises, and which rule keeps each promise: without the rule, the same case goes wrong.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import {
  type Answer,
  answer,
  type ObjectStore,
  type PartUpload,
  storeError,
} from '../../src/model/ports/object-store.ts';
import { generateKeys, signerOf } from '../../src/shared-cache/bucket/signatures.ts';
import { RetryingObjectStore } from '../../src/shared-cache/objects/retrying.ts';
import { FRAMES_AT_ONCE } from '../../src/shared-cache/transfer/frames.ts';
import { ARTIFACT_CUT, upload } from '../../src/shared-cache/transfer/transfer.ts';
import { filePieces } from '../../src/store/local/file-pieces.ts';
import { MemoryStore } from '../rig/s3/memory-store.ts';
import { digestsOf, HASTE, howOf, Sharer, type SharerOptions } from '../rig/s3/sharer.ts';
import { Tree } from '../rig/tree.ts';

const CHAIN = ['base', 'random', 'child'];

/** Holds back the first write of a record until there is a second: both have built the layer then, and have seen none. */
function meeting(remote: MemoryStore): ObjectStore {
  const met = Promise.withResolvers<void>();
  let isFirst = true;
  const put: ObjectStore['put'] = async (name, bytes, condition) => {
    if (name.includes('/records/')) {
      if (!isFirst) met.resolve();
      isFirst = false;
      await met.promise;
    }
    return remote.put(name, bytes, condition);
  };
  return new Proxy(remote, {
    get(target, name) {
      if (name === 'put') return put;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Two machines that build the same at the same time. */
async function race(memory: MemoryStore, options: SharerOptions = {}) {
  const remote = meeting(memory);
  const [one, two] = [new Sharer(remote, options), new Sharer(remote, options)];
  const [ofOne, ofTwo] = await Promise.all([one.build(CHAIN), two.build(CHAIN)]);
  one.assertSound(ofOne);
  two.assertSound(ofTwo);
  return { one, two, ofOne, ofTwo };
}

describe('of artifacts with several disks', () => {
  const options = { writesData: ['random', 'top'] };
  const ALL = [...CHAIN, 'top'];

  test('all disks are shared, each once: a layer that did not write to one has that of its parent', async () => {
    const remote = new MemoryStore();
    using one = new Sharer(remote, options);
    const built = await one.build(ALL);
    assert.equal([...remote.objects.keys()].filter((name) => name.includes('/artifacts/')).length, 6);
    using two = new Sharer(remote, options);
    const fetched = await two.build(ALL);
    assert.equal(howOf(fetched), 'fetched fetched fetched fetched');
    assert.deepEqual(
      fetched.map(({ record }) => record.artifact),
      built.map(({ record }) => record.artifact),
    );
    two.assertSound(fetched);
    assert.deepEqual([...one.notes, ...two.notes], []);
  });

  test('where the object of one is lost, the layer is built again and pushed whole', async () => {
    const remote = new MemoryStore();
    using one = new Sharer(remote, options);
    const built = await one.build(ALL);
    const lost = built[3]?.record.artifact.disks[1]?.digest ?? assert.fail();
    for (const name of remote.objects.keys()) if (name.includes(lost)) remote.objects.delete(name);
    using two = new Sharer(remote, options);
    const again = await two.build(ALL);
    assert.equal(howOf(again), 'fetched fetched fetched built');
    two.assertSound(again);
    using three = new Sharer(remote, options);
    assert.equal(howOf(await three.build(ALL)), 'fetched fetched fetched fetched');
  });
});

describe('of two machines that build the same at once', () => {
  test('both end with the chain of the first, and what either builds on it is valid on the other', async () => {
    const remote = new MemoryStore();
    const { one, two, ofOne, ofTwo } = await race(remote);
    using _one = one;
    using _two = two;
    assert.deepEqual(digestsOf(ofOne), digestsOf(ofTwo));
    assert.ok(
      [...one.notes, ...two.notes].some((note) =>
        /^another machine published \S+ first: using its build$/.test(note),
      ),
    );
    // From here on they are not at it at once.
    using three = new Sharer(remote);
    using four = new Sharer(remote);
    const longer = await three.build([...CHAIN, 'top']);
    assert.equal(howOf(longer), 'fetched fetched fetched built');
    assert.deepEqual(digestsOf(longer).slice(0, CHAIN.length), digestsOf(ofOne));
    const same = await four.build([...CHAIN, 'top', 'next']);
    assert.equal(howOf(same), 'fetched fetched fetched fetched built');
    const all = await one.build([...CHAIN, 'top', 'next']);
    assert.equal(howOf(all), 'had had had fetched fetched');
    one.assertSound(all);
    four.assertSound(same);
  });

  test('without conditional writes each would go on with its own: their chains differ', async () => {
    // It knows them for the probe alone, or nothing would be written at all: see below.
    const remote = new MemoryStore({ unconditional: /records/ });
    const { one, two, ofOne, ofTwo } = await race(remote);
    using _one = one;
    using _two = two;
    assert.notDeepEqual(digestsOf(ofOne), digestsOf(ofTwo));
  });

  test('so a server without them is only read, and that is said', async () => {
    const remote = new MemoryStore({ unconditional: /^/ });
    const { one, two } = await race(remote);
    using _one = one;
    using _two = two;
    assert.deepEqual([...remote.objects.keys()], ['trusted/probe']);
    for (const { notes } of [one, two]) {
      assert.deepEqual(notes, [
        'not writing to the shared cache s3://memory: the server does not support conditional writes (If-None-Match)',
      ]);
    }
  });
});

describe('of two machines that stand on different builds of one layer', () => {
  /** Each has a base of its own, as after days without a network; then both build a child. */
  async function estranged(options: SharerOptions) {
    const remote = new MemoryStore();
    const [one, two] = [new Sharer(remote, options), new Sharer(new MemoryStore(), options)];
    using _one = one;
    using _two = two;
    const ofOne = await one.build(['base', 'child']);
    const ofTwo = await two.build(['base', 'child']);
    return { remote, ofOne, ofTwo };
  }

  test('neither asks for what stands on the other’s: the keys have the digest of the parent', async () => {
    const { ofOne, ofTwo } = await estranged({});
    assert.equal(ofOne[0]?.record.key, ofTwo[0]?.record.key);
    assert.notEqual(ofOne[0]?.record.artifact.disks[0].digest, ofTwo[0]?.record.artifact.disks[0].digest);
    assert.notEqual(ofOne[1]?.record.key, ofTwo[1]?.record.key);
  });

  test('with the key of the parent instead, each would be handed the other’s; the record gives it away', async () => {
    const parentInKey: SharerOptions['parentInKey'] = ({ key }) => key;
    const { remote, ofOne, ofTwo } = await estranged({ parentInKey });
    assert.equal(ofOne[1]?.record.key, ofTwo[1]?.record.key, 'this is what would be asked for');
    assert.notEqual(
      ofOne[1]?.record.parent?.disks[0].digest,
      ofTwo[1]?.record.parent?.disks[0].digest,
      'and be wrong',
    );
    using third = new Sharer(remote, { parentInKey });
    const made = await third.build(['base', 'child']);
    assert.equal(howOf(made), 'fetched built');
    assert.ok(
      third.notes.some((note) =>
        /^not using the record .*: it names a different parent than its recipe$/.test(note),
      ),
    );
  });
});

describe('trust', () => {
  const [ours, theirs] = [generateKeys(), generateKeys()];
  const trustedKeys = [ours.publicKey];
  const signer = signerOf(ours.privateKey);
  const UNTRUSTED = { scope: 'untrusted/pr-1' };

  /** Moves all that lies in one scope to another, as whoever can write in the bucket may. */
  function copyScope(remote: MemoryStore, from: string, to: string): void {
    for (const [name, object] of [...remote.objects]) {
      if (name.startsWith(`${from}/`)) remote.objects.set(name.replace(from, to), object);
    }
  }

  test('signed records are used by those who trust the key', async () => {
    const remote = new MemoryStore();
    using one = new Sharer(remote, { trustedKeys, signer });
    using two = new Sharer(remote, { trustedKeys, access: 'r' });
    const made = await one.build(CHAIN);
    const fetched = await two.build(CHAIN);
    assert.equal(howOf(fetched), 'fetched fetched fetched');
    assert.deepEqual(digestsOf(fetched), digestsOf(made));
    assert.deepEqual([...one.notes, ...two.notes], []);
  });

  for (const [what, options, note] of [
    ['unsigned', {}, /\/records\/[0-9a-f]{64}\.json: it is not signed$/],
    [
      'signed with a foreign key',
      { signer: signerOf(theirs.privateKey) },
      /: it is not signed with a key in cache: trusted-keys$/,
    ],
  ] as const) {
    test(`a record that is ${what} is a miss, and is replaced by who may`, async () => {
      const remote = new MemoryStore();
      using stranger = new Sharer(remote, options);
      using one = new Sharer(remote, { trustedKeys, signer });
      using two = new Sharer(remote, { trustedKeys, access: 'r' });
      const poisoned = await stranger.build(CHAIN);
      const made = await one.build(CHAIN);
      assert.equal(howOf(made), 'built built built');
      assert.match(one.notes[0] ?? '', note);
      assert.notDeepEqual(digestsOf(made), digestsOf(poisoned));
      assert.deepEqual(digestsOf(await two.build(CHAIN)), digestsOf(made));
      assert.deepEqual(two.notes, []);
    });
  }

  test('a forged signature, and a record that was changed behind a good one, are refused', async () => {
    for (const forge of [
      // The signature of another text.
      (text: string, other: string) => {
        const signatures = JSON.parse(other).signatures;
        return JSON.stringify({ ...JSON.parse(text), signatures });
      },
      // Another artifact in the record.
      (text: string) => text.replace(/(digest\\":\\")[0-9a-f]{8}/, '$100000000'),
    ]) {
      const remote = new MemoryStore();
      using one = new Sharer(remote, { trustedKeys, signer });
      using two = new Sharer(remote, { trustedKeys, access: 'r' });
      await one.build(CHAIN);
      const names = [...remote.objects.keys()].filter((name) => name.includes('/records/'));
      const texts = names.map((name) => String(remote.objects.get(name)?.bytes));
      for (const [index, name] of names.entries()) {
        const forged = forge(texts[index] ?? '', texts[(index + 1) % texts.length] ?? '');
        assert.notEqual(forged, texts[index]);
        await remote.put(name, Buffer.from(forged), 'always');
      }
      const made = await two.build(CHAIN);
      assert.equal(howOf(made), 'built built built');
      assert.match(two.notes[0] ?? '', /: it has an invalid signature$/);
    }
  });

  test('a good signature of another scope, or under another key, does not count', async () => {
    const remote = new MemoryStore();
    using one = new Sharer(remote, { ...UNTRUSTED, signer });
    using two = new Sharer(remote, { trustedKeys, access: 'r' });
    await one.build(CHAIN);
    copyScope(remote, UNTRUSTED.scope, 'trusted');
    assert.equal(howOf(await two.build(CHAIN)), 'built built built');
    assert.match(two.notes[0] ?? '', /it has an invalid signature/);

    using three = new Sharer(remote, { trustedKeys, signer });
    await three.build(['other']);
    const [name = ''] = [...remote.objects.keys()].filter((each) => each.startsWith('trusted/records/'));
    const [key] = (await three.build(['other'])).map(({ record }) => record.key);
    const moved = remote.objects.get(`trusted/records/${key}.json`) ?? assert.fail();
    remote.objects.set(name, moved);
    using four = new Sharer(remote, { trustedKeys, access: 'r' });
    assert.equal(howOf(await four.build(['base'])), 'built');
    assert.match(four.notes[0] ?? '', /: it belongs to another key$/);
  });

  test('an artifact that was replaced is refused', async () => {
    const remote = new MemoryStore();
    using one = new Sharer(remote, { trustedKeys, signer });
    using two = new Sharer(remote, { trustedKeys, access: 'r' });
    await one.build(CHAIN);
    const artifacts = [...remote.objects].filter(([name]) => name.includes('/artifacts/'));
    for (const [index, [name]] of artifacts.entries()) {
      const [, other] = artifacts[(index + 1) % artifacts.length] ?? assert.fail();
      remote.objects.set(name, other);
    }
    const made = await two.build(CHAIN);
    assert.equal(howOf(made), 'built built built');
    assert.match(two.notes[0] ?? '', /^cannot fetch base from .*: its artifact is damaged$/);
    two.assertSound(made);
  });

  test('untrusted builds read the trusted scope, and write in their own, which trusted builds never read', async () => {
    const remote = new MemoryStore();
    using trusted = new Sharer(remote);
    using untrusted = new Sharer(remote, UNTRUSTED);
    using again = new Sharer(remote, UNTRUSTED);
    using later = new Sharer(remote);
    await trusted.build(['base']);
    const made = await untrusted.build(CHAIN);
    assert.equal(howOf(made), 'fetched built built');
    const own = [...remote.objects.keys()].filter((name) => name.startsWith('untrusted/'));
    assert.equal(own.filter((name) => name.startsWith('untrusted/pr-1/')).length, own.length);
    assert.equal(howOf(await again.build(CHAIN)), 'fetched fetched fetched');
    assert.equal(howOf(await later.build(CHAIN)), 'fetched built built');
    // What is trusted goes before what is one's own.
    using last = new Sharer(remote, UNTRUSTED);
    assert.deepEqual(digestsOf(await last.build(CHAIN)), digestsOf(await later.build(CHAIN)));
  });

  test('who has no key to sign with writes nothing that nobody would use, and is told', async () => {
    for (const [own, why] of [
      [undefined, /no signing key \(VLB_CACHE_SIGNING_KEY\)$/],
      [
        signerOf(theirs.privateKey),
        /the key of VLB_CACHE_SIGNING_KEY is not in cache: trusted-keys of vlb\.yaml$/,
      ],
    ] as const) {
      const remote = new MemoryStore();
      using one = new Sharer(remote, { trustedKeys, signer: own });
      await one.build(CHAIN);
      assert.deepEqual([...remote.objects.keys()], []);
      assert.equal(one.notes.length, 1);
      assert.match(one.notes[0] ?? '', why);
    }
  });
});

test('one request decides for a layer, and what is there is not sent again', async () => {
  const asked: string[] = [];
  const remote = new MemoryStore();
  const counted = new Proxy(remote, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (name !== 'close') asked.push(`${String(name)} ${String(args[0]).split('/').slice(-2)[0]}`);
        return value.apply(target, args);
      };
    },
  });
  using one = new Sharer(counted);
  await one.build(CHAIN);
  assert.equal(asked.filter((each) => each === 'put probe' || each === 'put trusted').length, 2);
  using two = new Sharer(counted, { access: 'r' });
  asked.length = 0;
  await two.build(CHAIN);
  assert.deepEqual(
    asked,
    CHAIN.flatMap(() => ['get records', 'get artifacts']),
  );
  asked.length = 0;
  await two.build(CHAIN);
  assert.deepEqual(asked, [], 'what is here is asked for no more');
});

/**
 * A frame that has many empty blocks before one of a byte, behind the header that says how long it is: RFC 8878, sections 3.1.1
 * and 3.1.2.
 */
const PADDED = (() => {
  const blocks = Buffer.alloc(3 * 340_000); // of type "raw", of no size, and not the last
  const frame = Buffer.concat([Buffer.from('28b52ffd2001', 'hex'), blocks, Buffer.from('09000078', 'hex')]);
  const header = Buffer.from('502a4d1804000000', 'hex');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(frame.length);
  return Buffer.concat([header, length, frame]);
})();

describe('a bucket without end', () => {
  /** A store in which every artifact is made of frames of a megabyte that unpack to a byte, for as long as anybody reads. */
  class Endless extends MemoryStore {
    sent = 0;
    override async get(name: string, from: number, tag: string | undefined) {
      const got = await super.get(name, from, tag);
      if (!got.ok || !name.includes('/artifacts/')) return got;
      const send = () => {
        this.sent += PADDED.length;
        return this.sent < 64 * 2 ** 20 ? Buffer.from(PADDED) : null;
      };
      const body = new Readable({
        read() {
          this.push(send());
        },
      });
      return answer({ ...got.value, bytes: 2 ** 40, body });
    }
  }

  test('is given up once more came than the artifact can have', async () => {
    const remote = new Endless();
    using one = new Sharer(remote);
    using two = new Sharer(remote, { access: 'r' });
    await one.build(['base']);
    const made = await two.build(['base']);
    assert.equal(howOf(made), 'built');
    assert.match(two.notes[0] ?? '', /its artifact is damaged$/);
    // The second frame is one too many; some more are in work by then, or have been sent.
    assert.ok(remote.sent <= (FRAMES_AT_ONCE + 3) * PADDED.length, `${remote.sent} bytes`);
  });
});

test('a record that is too large to be one is replaced by who may write', async () => {
  const remote = new MemoryStore();
  using one = new Sharer(remote);
  using two = new Sharer(remote);
  using three = new Sharer(remote, { access: 'r' });
  await one.build(['base']);
  const [name = ''] = [...remote.objects.keys()].filter((each) => each.includes('/records/'));
  const { tag = '' } = remote.objects.get(name) ?? {};
  remote.objects.set(name, { bytes: Buffer.alloc(257 * 2 ** 20), tag, modified: 0 });
  const made = await two.build(['base']);
  assert.match(two.notes.join('\n'), /\.json: it is too large$/);
  const fetched = await three.build(['base']);
  assert.equal(howOf(fetched), 'fetched', three.notes.join('\n'));
  assert.deepEqual(digestsOf(fetched), digestsOf(made));
});

test('what could not be had is not here, however often it is asked for', async () => {
  const remote = new MemoryStore();
  using one = new Sharer(remote);
  using two = new Sharer(remote, { access: 'r' });
  const [made] = await one.build(['base']);
  const { key } = made?.record ?? assert.fail();
  for (const name of remote.objects.keys()) if (name.includes('/artifacts/')) remote.objects.delete(name);
  const { signal } = new AbortController();
  const found = (await two.store.lookup(key)) ?? assert.fail();
  assert.equal(await two.store.shared?.fetch(found, signal), false);
  assert.equal(await two.store.shared?.fetch(found, signal), false);
});

test('an upload is not waited for long once it is called off', async () => {
  let begun = 0;
  const called = new AbortController();
  let answers = 0;
  /** A server that takes a minute for each answer, and a person who has enough with the second part. */
  class Slow extends MemoryStore {
    override async begin() {
      const late = (signal: AbortSignal) =>
        new Promise<Answer<never>>((resolve) => {
          const end = () => {
            clearTimeout(clock);
            resolve(storeError('interrupted', 'interrupted'));
          };
          const clock = setTimeout(() => {
            answers++;
            end();
          }, 60_000);
          signal.addEventListener('abort', end);
          if (signal.aborted) end();
          if (++begun === 2) called.abort();
        });
      return answer<PartUpload>({
        part: (_number, _bytes, signal) => late(signal),
        complete: late,
        abort: async (signal) => void (await late(signal)),
      });
    }
  }
  using tree = new Tree();
  tree.write({ large: randomBytes(14_000_000).toString('latin1') });
  const objects = new RetryingObjectStore(new Slow(), HASTE, { onLost: () => {}, onFound: () => {} });
  const sent = await upload(
    objects,
    'x',
    filePieces(tree.path('large'), ARTIFACT_CUT),
    () => {},
    called.signal,
  );
  assert.equal(sent.ok, false);
  assert.equal(begun, 3, 'two parts, and the end of it');
  assert.equal(answers, 0);
});

describe('a bucket whose reads lag', () => {
  /** A record is shown only after it was asked for a number of times. */
  class Lagging extends MemoryStore {
    readonly #asked = new Map<string, number>();
    readonly #lag: number;

    constructor(lag: number) {
      super();
      this.#lag = lag;
    }

    override async get(name: string, from: number, tag: string | undefined) {
      return this.#isShown(name) ? super.get(name, from, tag) : storeError('absent', '404 NoSuchKey');
    }

    #isShown(name: string): boolean {
      if (!name.includes('/records/')) return true;
      const asked = this.objects.has(name) ? (this.#asked.get(name) ?? 0) + 1 : 0;
      this.#asked.set(name, asked);
      return asked > this.#lag;
    }
  }

  const pushed = (machine: Sharer) => machine.store.shared?.tally()?.pushed.count ?? 0;

  test('what was refused a record is not counted as pushed, and there is a note', async () => {
    const remote = new Lagging(1000);
    using one = new Sharer(remote);
    using two = new Sharer(remote);
    assert.equal(howOf(await one.build(['base'])), 'built');
    assert.deepEqual([pushed(one), one.notes], [1, []]);
    assert.equal(howOf(await two.build(['base'])), 'built');
    assert.equal(pushed(two), 0);
    assert.deepEqual(two.notes, [
      'base is not shared: s3://memory refuses its record, since it has one, and does not show that yet',
    ]);
  });

  test('is waited for a little: the build of the first machine is used', async () => {
    const remote = new Lagging(2);
    using one = new Sharer(remote);
    using two = new Sharer(remote);
    const [first] = await one.build(['base']);
    const [second] = await two.build(['base']);
    assert.deepEqual(second?.record.artifact, first?.record.artifact, two.notes.join());
    assert.deepEqual([pushed(one), pushed(two)], [1, 0]);
  });

  test('a record whose answer was lost is counted', async () => {
    const remote = new (class extends MemoryStore {
      override async put(...args: Parameters<MemoryStore['put']>) {
        const done = await super.put(...args);
        const isLost = done.ok && args[0].includes('/records/');
        return isLost ? storeError('unavailable', 'the answer was lost') : done;
      }
    })();
    using one = new Sharer(remote);
    await one.build(['base', 'app']);
    assert.deepEqual([pushed(one), one.notes], [2, []]);
  });
});
