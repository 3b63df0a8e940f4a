// A simulated machine that builds images: all that decides what is built is vlb's own code, from the recipes and keys to the
// claims and the client of the shared cache. Scripts take time and do nothing, and artifacts are as long as their digests.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type ArtifactDisk, type BuildRecord, type Digest, mainDisk } from '../../../src/model/artifact.ts';
import { type Answer, answer, storeError } from '../../../src/model/ports/object-store.ts';
import type { Store } from '../../../src/model/ports/store.ts';
import { keyOf, recipeText } from '../../../src/model/recipe.ts';
import { Bucket } from '../../../src/shared-cache/bucket/bucket.ts';
import { artifactName } from '../../../src/shared-cache/bucket/layout.ts';
import { Claims, DEFAULT_CLAIM_POLICY } from '../../../src/shared-cache/cache/claims.ts';
import { tieredStore } from '../../../src/shared-cache/cache/tiered-store.ts';
import type { OnTransfer } from '../../../src/shared-cache/cache/traffic.ts';
import { DEFAULT_RETRY_POLICY, RetryingObjectStore } from '../../../src/shared-cache/objects/retrying.ts';
import { LocalStore } from './local-store.ts';
import type { SimulatedNetwork } from './network.ts';
import { chainOf, type SimulatedLayer } from './project.ts';

/** What is true of all that was ever built, whatever records say. */
export interface Ledger {
  /** The recipe of each artifact. */
  readonly recipes: Map<Digest, string>;
  /** The builds of each layer that came to their end, and whether the machine used no shared cache then. */
  readonly builds: Map<SimulatedLayer, boolean[]>;
}

export interface Machine {
  readonly name: string;
  readonly network: SimulatedNetwork;
  /** How fast its clock is: 1.02 is 2 % fast. */
  readonly clock: number;
  /** Aborted when the machine dies: nothing of it does anything from then on. */
  readonly dead: AbortSignal;
}

/** Builds images at the same time. Never ends on a machine that dies. */
export async function buildImages(
  images: readonly SimulatedLayer[],
  machine: Machine,
  ledger: Ledger,
): Promise<void> {
  const store = storeOf(machine);
  const builds = new Map<SimulatedLayer, Promise<BuildRecord>>();
  const build = (image: SimulatedLayer) => {
    let below: Promise<readonly BuildRecord[]> = Promise.resolve([]);
    for (const layer of chainOf(image)) {
      const records = below;
      const building =
        builds.get(layer) ?? records.then((known) => obtain(layer, known, store, machine, ledger));
      builds.set(layer, building);
      below = records.then(async (known) => [...known, await building]);
    }
    return below;
  };
  await Promise.all(images.map(build));
  store.release();
}

/** The record of a layer: found, or built. In the order of executeStep of src/execute/schedule/step.ts. */
async function obtain(
  layer: SimulatedLayer,
  below: readonly BuildRecord[],
  store: SimulatedStore,
  { name, dead, clock }: Machine,
  ledger: Ledger,
): Promise<BuildRecord> {
  const { shared } = store;
  assert.ok(shared);
  const parent = below.at(-1)?.artifact ?? null;
  const recipe = recipeText({
    schema: '1',
    kind: 'build-layer',
    platform: { architecture: 'x64', os: 'linux' },
    parent: parent ? mainDisk(parent).digest : 'scratch',
    mounts: [],
    settings: [],
    manifest: layer.manifest,
  });
  const key = keyOf(recipe);
  const find = async (): Promise<BuildRecord | undefined> => {
    const record = await store.lookup(key);
    if (!record) return undefined;
    assert.equal(ledger.recipes.get(mainDisk(record.artifact).digest), recipe, `${name}: a wrong hit`);
    return !shared.isAway(record) || (await shared.fetch(record, LIVE)) ? record : find();
  };
  for (;;) {
    const found = await find();
    if (found) return found;
    const claim = await shared.claim(key, { layer: layer.name, usually: undefined, below }, LIVE);
    if (claim.type === 'other') {
      await shared.awaitClaim(key, LIVE);
      continue;
    }
    await using _claim = claim;
    const late = claim.isHeld ? await find() : undefined;
    if (late) return late;
    await delay(layer.takes / clock);
    if (dead.aborted) await new Promise(() => {});
    const digest = createHash('sha256').update(`${name} ${key}`).digest('hex') as Digest; // the one that is made here
    ledger.recipes.set(digest, recipe);
    const builds = ledger.builds.get(layer) ?? [];
    ledger.builds.set(layer, [...builds, store.isAlone()]);
    const record: BuildRecord = {
      ...{ key, layer: layer.name, recipe, seconds: layer.takes / 1000 },
      artifact: { keeping: 'cached', disks: [{ name: 'main', digest, bytes: digest.length }] },
      parent: parent && { keeping: 'cached', disks: [{ name: 'main', digest: mainDisk(parent).digest }] },
      created: new Date().toISOString(),
    };
    store.local.records.set(key, record);
    return await shared.publish(record, below, { replaces: false, signal: LIVE });
  }
}

interface SimulatedStore extends Store {
  readonly local: LocalStore;
  /** Whether it does not use the shared cache any more. */
  readonly isAlone: () => boolean;
}

const LIVE = new AbortController().signal;

function storeOf({ name, network, clock }: Machine): SimulatedStore {
  const timed = <T extends object>(policy: T, ...times: (keyof T)[]): T =>
    Object.fromEntries(
      Object.entries(policy).map(([field, value]) => [
        field,
        times.includes(field as keyof T) ? value / clock : value, // a field of it
      ]),
    ) as T; // the same fields
  const objects = new RetryingObjectStore(
    network,
    timed(
      DEFAULT_RETRY_POLICY,
      'triedFor',
      'firstPause',
      'longestPause',
      'within',
      'partWithin',
      'againAfter',
      'againWithin',
    ),
    { onLost: () => {}, onFound: () => {} },
  );
  const bucket = new SmallBucket(objects);
  const policy = timed(DEFAULT_CLAIM_POLICY, 'voidAfter', 'renewEvery', 'askEvery', 'removeWithin');
  const local = new LocalStore();
  const quiet = () => {};
  const store = tieredStore(
    {
      local,
      open: async () => bucket,
      flush: false,
      claims: new Claims({ host: name, pid: 1 }, policy),
      onNote: quiet,
      onTransfer: quiet,
    },
    LIVE,
  );
  return { ...store, local, isAlone: () => objects.isLost };
}

/** A bucket whose artifacts are transferred in one piece, without files and compression. */
class SmallBucket extends Bucket {
  readonly #objects: RetryingObjectStore;

  constructor(objects: RetryingObjectStore) {
    super({ objects, scope: 'trusted', access: 'rw', trustedKeys: [], signer: undefined, onNote: () => {} });
    this.#objects = objects;
  }

  override async send(
    digest: Digest,
    _read: unknown,
    _onTransfer: OnTransfer,
    signal: AbortSignal,
  ): Promise<Answer<number>> {
    const put = await this.#objects.put(
      artifactName(this.scope, digest),
      Buffer.from(digest),
      'always',
      signal,
    );
    return put.ok ? answer(digest.length) : put;
  }

  override async receive(
    scope: string,
    { digest }: ArtifactDisk,
    _file: string,
    _onTransfer: OnTransfer,
    signal: AbortSignal,
  ): Promise<Answer<number>> {
    const got = await this.#objects.read(artifactName(scope, digest), 1000, signal);
    if (!got.ok) return got;
    const isWhole = got.value.bytes?.toString() === digest;
    return isWhole ? answer(digest.length) : storeError('unavailable', 'its bytes are others');
  }
}
