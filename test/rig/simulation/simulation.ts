// Many simulated machines build the images of one project together, over a network that loses, delays and repeats requests.

import { setTimeout as delay } from 'node:timers/promises';
import { MemoryStore } from '../s3/memory-store.ts';
import { buildImages, type Ledger } from './builder.ts';
import { Requests, SimulatedNetwork, type Weather } from './network.ts';
import { simulatedImages } from './project.ts';
import { below, randomFrom } from './random.ts';
import { SimulatedTime } from './time.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly builders: number;
  readonly layers: number;
  readonly weather: Weather;
  /** The part of builders that die once, and are started again elsewhere. */
  readonly dying: number;
  /** The part of builders whose network is away for up to two minutes, once. */
  readonly cutOff: number;
}

export interface SimulationResult {
  readonly builders: number;
  /** That were built at least once. */
  readonly layers: number;
  /** Builds that came to their end though their layer had been built before, or was being built: by machines that had no network. */
  readonly builtAlone: number;
  /** By machines that had. */
  readonly builtTwice: number;
  readonly deaths: number;
  /** Simulated. */
  readonly seconds: number;
  readonly requests: number;
  readonly requestsByKind: Readonly<Record<string, number>>;
  /** The most requests in one second. */
  readonly peak: number;
}

/** In ms. */
const STARTS_WITHIN = 60_000;
const STARTED_AGAIN_AFTER = 30_000;
const DIES_WITHIN = 600_000;
const AWAY_FOR = 120_000;
/** Simulated. */
const LIMIT = 24 * 3_600_000;

/**
 * Simulates one night: each builder builds an image of its own and another builder's, each from nothing but the shared cache.
 * @throws an AssertionError where a builder was given what was built from something else
 */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, builders, layers, weather, dying, cutOff } = options;
  const random = randomFrom(seed);
  const time = new SimulatedTime(random);
  const images = simulatedImages(layers, builders, random);
  // The server's clock is wrong, and no builder's is right.
  const server = new MemoryStore({ now: () => Date.now() + 7_000_000 });
  const requests = new Requests();
  const ledger: Ledger = { recipes: new Map(), builds: new Map() };
  let deaths = 0;

  const run = async (number: number, start: number, mayDie: boolean): Promise<void> => {
    await delay(random() * STARTS_WITHIN);
    const network = new SimulatedNetwork(server, weather, requests, random);
    if (random() < cutOff) {
      const from = random() * DIES_WITHIN;
      setTimeout(() => {
        if (network.awayUntil === 0) network.awayUntil = Date.now() + random() * AWAY_FOR;
      }, from);
    }
    const death = new AbortController();
    const dies = new Promise<'died'>((resolve) => {
      if (!mayDie || random() >= dying) return;
      setTimeout(() => {
        network.awayUntil = Number.POSITIVE_INFINITY;
        death.abort();
        resolve('died');
      }, random() * DIES_WITHIN);
    });
    const clock = 0.98 + random() * 0.04;
    const own = [number, below(builders, random)].flatMap((image) => images[image] ?? []);
    const name = `builder-${number}-${start}`;
    const built = buildImages(own, { name, network, clock, dead: death.signal }, ledger);
    if ((await Promise.race([built, dies])) !== 'died') return;
    deaths++;
    await delay(STARTED_AGAIN_AFTER);
    await run(number, start + 1, false);
  };
  const all = Promise.all(Array.from({ length: builders }, (_, number) => run(number, 1, true)));
  const seconds = (await time.run(all, LIMIT)) / 1000;
  let [builtAlone, builtTwice] = [0, 0];
  for (const builds of ledger.builds.values()) {
    const alone = builds.filter((isAlone) => isAlone).length;
    // One of all builds was needed.
    builtAlone += Math.min(alone, builds.length - 1);
    builtTwice += Math.max(0, builds.length - alone - 1);
  }
  return {
    ...{ builders, layers: ledger.builds.size, builtAlone, builtTwice, deaths, seconds },
    requests: requests.total,
    requestsByKind: Object.fromEntries(requests.byKind),
    peak: requests.peak,
  };
}
