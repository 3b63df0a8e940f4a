// The loop over the steps of a plan: what runs, what is found, what is told, and what is in place in the end.

import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { execute } from '../../../src/execute/execute.ts';
import type { Steering } from '../../../src/execute/run-context.ts';
import type { BuildEvent } from '../../../src/model/event.ts';
import { fail, ok } from '../../../src/model/failure.ts';
import { type Identity, lineageOf, type Node } from '../../../src/model/graph.ts';
import type { SharedCache } from '../../../src/model/ports/shared-cache.ts';
import { buildGraph } from '../../../src/plan/graph.ts';
import { layerRecipe } from '../../../src/plan/key.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { createManifestReader } from '../../../src/project/inputs/manifest.ts';
import { StatIndex } from '../../../src/project/inputs/stat-index.ts';
import { discoverLayers } from '../../../src/project/layers/discover.ts';
import { PLATFORM, Tree, valueIn } from '../../rig/tree.ts';
import { fakeContext } from './fake-host.ts';

const script = (...lines: string[]) => `#!/bin/sh\n${lines.join('\n')}\n`;

function project(more: Readonly<Record<string, string>> = {}): Tree {
  return new Tree({
    'layers/10_a/modify-disk': script('# vlb: from scratch', '# vlb: disk-size 1M', 'echo a'),
    'layers/20_b/build-layer': script('echo b'),
    'layers/30_c/build-layer': script('echo c'),
    ...more,
  });
}

interface BuildOptions {
  readonly flatten?: boolean;
  readonly boot?: string;
  readonly lendsDevices?: boolean;
  readonly onEvent?: (event: BuildEvent, abort: () => void) => void;
  readonly steering?: Steering;
  readonly shared?: SharedCache;
}

/** Plans and executes a project, as the command does. */
async function build(
  tree: Tree,
  { flatten = false, boot = 'boot 1', lendsDevices = false, onEvent, steering, shared }: BuildOptions = {},
) {
  const made = await fakeContext(tree);
  made.host.lendsDevices = lendsDevices;
  made.host.boot = boot;
  if (shared) Object.assign(made.store, { shared });
  const context = {
    ...made,
    ...(steering ? { steering } : {}),
    emit(event: BuildEvent) {
      made.emit(event);
      onEvent?.(event, made.abort);
    },
  };
  const graph = valueIn(buildGraph(valueIn(await discoverLayers(tree.directory, PLATFORM)), new Map()));
  const index = StatIndex.load(made.paths.statIndex);
  const reader = createManifestReader(tree.directory, index, made.loadHasher);
  const manifests = new Map<string, string>();
  for (const node of graph.nodes) {
    if (node.type === 'layer') manifests.set(node.name, valueIn(await reader.read(node.layer)));
  }
  const recipeOf = (node: Node, known: ReadonlyMap<string, Identity>) => {
    assert.equal(node.type, 'layer');
    const below = lineageOf(node, known);
    if (!below) return undefined;
    return layerRecipe(node.layer, manifests.get(node.name) ?? '', below);
  };
  const plan = await makePlan(graph, recipeOf, made.store, made.inPlace);
  const { finished } = await execute(
    plan,
    { recipeOf, flatten, images: new Map(), jobs: 2, keepGoing: false, complete: true },
    context,
  );
  assert.deepEqual(made.events.at(-1), finished);
  assert.deepEqual(
    readdirSync(made.store.artifactDirectory).filter((name) => name.startsWith('.')),
    [],
  );
  return { finished, events: made.events, calls: made.host.calls, outcomes: outcomes(made.events) };
}

function outcomes(events: readonly BuildEvent[]): string {
  return events
    .flatMap((event) => (event.type === 'layer-finished' ? [`${event.layer} ${event.outcome}`] : []))
    .join(', ');
}

test('a first build runs everything, in the order of the stages, and tells it', async () => {
  using tree = project();
  const { finished, events, calls, outcomes } = await build(tree);
  assert.equal(outcomes, '10_a built, 20_b built, 30_c built');
  assert.equal(finished.ok, true);
  assert.deepEqual(finished.counts, { fresh: 0, restored: 0, built: 3, failed: 0, skipped: 0 });
  assert.deepEqual(events[0], {
    type: 'plan',
    steps: [
      { layer: '10_a', action: 'run', reason: 'no record' },
      { layer: '20_b', action: 'run', reason: 'parent changed' },
      { layer: '30_c', action: 'run', reason: 'parent changed' },
    ],
  });
  const ofB = events.flatMap((event) => {
    if (!('layer' in event) || event.layer !== '20_b') return [];
    return [event.type === 'layer-stage' ? event.stage : event.type];
  });
  const stages = ['create', 'stage', 'attach', 'mount', 'run', 'output', 'unmount', 'detach', 'commit'];
  assert.deepEqual(ofB, ['layer-started', ...stages, 'layer-finished']);
  const modifyDisk = ['attach', 'run', 'flush', 'trim', 'detach', 'dispose', 'compact over nothing'];
  const buildLayer = ['attach', 'mount', 'run', 'unmount', 'detach', 'dispose', 'compact over ./'];
  assert.deepEqual(calls, [...modifyDisk, ...buildLayer, ...buildLayer]);
  assert.match(readFileSync(tree.path('build/image.qcow2'), 'utf8'), /^over \.\/[0-9a-f]{64}\.qcow2\nc\n$/);
  assert.deepEqual(readdirSync(tree.path('.vlb/runs')), []);
});

test('a second build does nothing, and needs no host', async () => {
  using tree = project();
  await build(tree);
  const { outcomes, calls } = await build(tree);
  assert.equal(outcomes, '10_a fresh, 20_b fresh, 30_c fresh');
  assert.deepEqual(calls, []);
});

test('a layer that ran to the same bytes is no reason to run what stands on it', async () => {
  using tree = project();
  await build(tree);
  tree.write({ 'layers/20_b/build-layer': script('# a comment', 'echo b') });
  const { outcomes, calls } = await build(tree);
  assert.equal(outcomes, '10_a fresh, 20_b built, 30_c fresh');
  assert.equal(calls.filter((call) => call === 'run').length, 1);
});

describe('a layer that fails', () => {
  test('stops those after it; what was built is kept, the image is not touched, and nothing is held', async () => {
    using tree = project();
    await build(tree);
    const image = lstatSync(tree.path('build/image.qcow2')).ino;
    tree.write({
      'layers/10_a/modify-disk': script('# vlb: from scratch', '# vlb: disk-size 1M', 'echo other'),
    });
    tree.write({ 'layers/20_b/build-layer': script('echo b', 'exit 7') });
    const { outcomes, finished, calls } = await build(tree);
    assert.equal(outcomes, '10_a built, 20_b failed, 30_c skipped');
    assert.equal(finished.ok, false);
    assert.equal(finished.failure?.kind, 'work');
    assert.equal(finished.failure?.exitStatus, 7);
    assert.equal(finished.image, undefined);
    assert.deepEqual(finished.counts, { fresh: 0, restored: 0, built: 1, failed: 1, skipped: 1 });
    assert.equal(calls.at(-1), 'dispose');
    assert.equal(lstatSync(tree.path('build/image.qcow2')).ino, image);

    tree.write({ 'layers/20_b/build-layer': script('echo b') });
    assert.equal(
      (await build(tree)).outcomes,
      '10_a fresh, 20_b built, 30_c built',
      'the next one goes on from there',
    );
  });

  test('in a first build leaves no image', async () => {
    using tree = project({
      'layers/10_a/modify-disk': script('# vlb: from scratch', '# vlb: disk-size 1M', 'exit 1'),
    });
    assert.equal((await build(tree)).outcomes, '10_a failed, 20_b skipped, 30_c skipped');
    assert.equal(existsSync(tree.path('build/image.qcow2')), false);
  });
});

test('an interrupt stops the running layer, and those after it do not begin', async () => {
  using tree = project({ 'layers/20_b/build-layer': script('print started', 'hang') });
  const { outcomes, finished, calls } = await build(tree, {
    onEvent: (event, abort) => event.type === 'output' && event.line === 'started' && abort(),
  });
  assert.equal(outcomes, '10_a built, 20_b failed, 30_c skipped');
  assert.equal(finished.failure?.kind, 'interrupted');
  assert.deepEqual(calls.slice(-2), ['kill', 'dispose']);
});

test('an edit during the run ends under the key of what was built', async () => {
  using tree = project({ 'layers/20_b/page': 'old' });
  await build(tree, {
    onEvent: (event) =>
      event.type === 'output' && event.line === 'b' && tree.write({ 'layers/20_b/page': 'new' }),
  });
  assert.match((await build(tree)).outcomes, /10_a fresh, 20_b built/);
});

describe('nocache', () => {
  const nocache = { 'layers/20_b/build-layer': script('# nocache', 'echo b') };

  test('is told with all that it keeps out of the cache, and is fresh while it is in place', async () => {
    using tree = project(nocache);
    const { events } = await build(tree);
    const notes = events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
    assert.deepEqual(notes, ['30_c cannot be cached: built on 20_b, which is nocache']);
    assert.equal((await build(tree)).outcomes, '10_a fresh, 20_b fresh, 30_c fresh');
    assert.equal(
      readdirSync(tree.path('.vlb/store/keys')).filter((name) => name.endsWith('.json')).length,
      1,
    );
  });
});

describe('--flatten', () => {
  test('makes a file, once', async () => {
    using tree = project();
    await build(tree, { flatten: true });
    const stat = lstatSync(tree.path('build/image.qcow2'));
    assert.equal(stat.isFile(), true);
    await build(tree, { flatten: true });
    assert.equal(lstatSync(tree.path('build/image.qcow2')).ino, stat.ino);
    await build(tree);
    assert.equal(lstatSync(tree.path('build/image.qcow2')).isSymbolicLink(), true);
  });

  test('a file of an earlier run of the machine, which may have crashed before it was on the disk, is made again', async () => {
    using tree = project();
    const images: number[] = [];
    for (const boot of ['boot 1', 'boot 2', 'boot 2']) {
      await build(tree, { flatten: true, boot });
      images.push(lstatSync(tree.path('build/image.qcow2')).ino);
    }
    const [before, after, again] = images;
    assert.notEqual(after, before);
    assert.equal(again, after);
  });
});

test('a modify-disk that attaches its disk itself needs a device, and that is told before anything is done', async () => {
  using tree = project({ 'layers/10_a/modify-disk': script('# vlb: from scratch', 'echo a') });
  const { finished, calls, outcomes } = await build(tree);
  assert.equal(finished.failure?.kind, 'host');
  assert.match(finished.failure?.hint ?? '', /--nbd/);
  assert.deepEqual(calls, []);
  assert.equal(outcomes, '');
});

test('a disk that a modify-disk makes itself is not trimmed or written anew', async () => {
  using tree = project({ 'layers/10_a/modify-disk': script('# vlb: from scratch', 'echo a') });
  const { calls, outcomes } = await build(tree, { lendsDevices: true });
  assert.equal(outcomes, '10_a built, 20_b built, 30_c built');
  assert.deepEqual(calls.slice(0, 5), ['lend', 'run', 'detach', 'dispose', 'attach']);
});

describe('a directory of vlb that cannot be written is a failure, no crash', () => {
  for (const name of ['.vlb/runs', '.vlb/logs', '.vlb/failed', 'build']) {
    test(name, async () => {
      using tree = project({ [name]: 'a file' });
      assert.equal((await build(tree)).finished.failure?.kind, 'host');
    });
  }
});

describe('steered from outside', () => {
  test('a run that is of no use is stopped; what needs it, and what may not start, is left to another plan', async () => {
    using tree = project({
      'layers/20_b/build-layer': script('hang'),
      'layers/40_other/build-layer': script('# vlb: from 10_a', 'echo other'),
    });
    const stop = new AbortController();
    const begun: string[] = [];
    const { finished, events, outcomes } = await build(tree, {
      steering: {
        superseded: new AbortController().signal,
        beforeRun: async (name) => {
          begun.push(name);
          if (name === '40_other') return fail('interrupted', 'not now');
          return ok(name === '20_b' ? stop.signal : new AbortController().signal);
        },
      },
      onEvent: (event) => {
        if (event.type === 'layer-stage' && event.layer === '20_b' && event.stage === 'run') stop.abort();
      },
    });
    assert.deepEqual(begun.toSorted(), ['10_a', '20_b', '40_other']);
    assert.deepEqual(outcomes.split(', ').toSorted(), [
      '10_a built',
      '20_b skipped',
      '30_c skipped',
      '40_other skipped',
    ]);
    assert.deepEqual(finished.superseded?.toSorted(), ['20_b', '30_c', '40_other']);
    assert.deepEqual(
      [finished.ok, finished.failure, finished.failures, finished.image],
      [false, undefined, [], undefined],
    );
    assert.equal(events.filter((event) => event.type === 'finished').length, 1);
    assert.ok(!existsSync(tree.path('build/image.qcow2')));
  });

  test('what is known to fail fails as it did, without a run', async () => {
    using tree = project();
    const failure = { kind: 'work', message: 'as it did' } as const;
    const { finished, calls } = await build(tree, {
      steering: {
        superseded: new AbortController().signal,
        beforeRun: async (name) =>
          name === '20_b' ? { ok: false, failure } : ok(new AbortController().signal),
      },
    });
    assert.deepEqual(finished.failures, [{ layer: '20_b', failure, skipped: ['30_c'] }]);
    assert.equal(finished.superseded, undefined);
    assert.equal(calls.filter((call) => call === 'run').length, 1);
  });
});

describe('with a shared cache', () => {
  /** One that is said to have what the store has; `lost` does not arrive, and is then in the store all the same. */
  function sharedCache(away: readonly string[], lost = '') {
    const left = new Set(away);
    const calls: string[] = [];
    const shared: SharedCache = {
      isAway: ({ layer }) => left.has(layer),
      async fetch({ layer }) {
        calls.push(`fetch ${layer}`);
        left.delete(layer);
        return layer !== lost;
      },
      async publish(record, below) {
        calls.push(`publish ${record.layer} over ${below.map(({ layer }) => layer).join(', ')}`);
        return record;
      },
      claim: async () => ({ type: 'own', isHeld: false, [Symbol.asyncDispose]: async () => {} }),
      awaitClaim: async () => {},
      offer: async () => 'there',
      isWritable: async () => true,
      hasAnswered: async () => true,
      tally: () => undefined,
    };
    return { shared, calls };
  }

  const started = (events: readonly BuildEvent[]) =>
    events.flatMap((event) => (event.type === 'layer-started' ? [event.layer] : []));

  test('what is there alone is fetched, and nothing runs', async () => {
    using tree = project();
    await build(tree);
    const { shared, calls } = sharedCache(['20_b', '30_c']);
    const { outcomes, events } = await build(tree, { shared });
    assert.equal(outcomes, '10_a fresh, 20_b restored, 30_c restored');
    assert.deepEqual(calls, ['fetch 20_b', 'fetch 30_c']);
    assert.deepEqual(started(events), []);
  });

  test('what does not arrive is decided again, and what is built on it', async () => {
    using tree = project();
    await build(tree);
    const { shared, calls } = sharedCache(['10_a', '20_b'], '20_b');
    const { outcomes, events } = await build(tree, { shared });
    assert.equal(outcomes, '10_a restored, 20_b fresh, 30_c fresh');
    assert.deepEqual(calls, ['fetch 10_a', 'fetch 20_b']);
    assert.deepEqual(started(events), ['20_b', '30_c']);
  });

  test('what was built is published with the records of all that it is built on', async () => {
    using tree = project();
    const { shared, calls } = sharedCache([]);
    assert.equal((await build(tree, { shared })).outcomes, '10_a built, 20_b built, 30_c built');
    assert.deepEqual(calls, ['publish 10_a over ', 'publish 20_b over 10_a', 'publish 30_c over 10_a, 20_b']);
  });

  test('a layer that another machine builds is left to the next plan when the project changes', async () => {
    using tree = project();
    const { shared } = sharedCache([]);
    const by = { layer: '10_a', host: 'other', pid: 1, since: 40, usually: undefined };
    const changed = new AbortController();
    const waits: SharedCache = {
      ...shared,
      claim: async () => ({ type: 'other', by }),
      awaitClaim: (_key, signal) => {
        setTimeout(() => changed.abort());
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    };
    const { finished, outcomes } = await build(tree, {
      shared: waits,
      steering: { superseded: changed.signal, beforeRun: async () => ok(changed.signal) },
    });
    assert.equal(outcomes, '10_a skipped, 20_b skipped, 30_c skipped');
    assert.deepEqual(finished.superseded, ['10_a', '20_b', '30_c']);
  });
});
