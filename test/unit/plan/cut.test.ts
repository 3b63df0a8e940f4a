// How a graph is cut into jobs: every layer that runs is in one of them, in an order that keeps what the graph says, and nothing
// is moved to another machine without need.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Job } from '../../../src/model/engine/job.ts';
import { type Graph, isLayer, type LayerNode, needsOf } from '../../../src/model/graph.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { type Hints, scriptFile } from '../../../src/model/project.ts';
import { cutGraph, cutPlan, longestFirst } from '../../../src/plan/cut.ts';
import { retentionOf } from '../../../src/plan/decide.ts';
import { layerOf } from '../../rig/tree.ts';

function node(
  name: string,
  parent?: string,
  hints: Partial<Hints> = {},
  mounts: readonly string[] = [],
): LayerNode {
  const layer = layerOf(name, { hints });
  return { type: 'layer', name, layer, parent, mounts: mounts.map((one) => ({ name: one, target: '/m' })) };
}

/** `10_a+20_b 30_c<20_b`: the layers of each job, and the jobs that it needs. */
function drawn(jobs: readonly Job[]): string {
  return jobs
    .map(({ layers, needs }) => `${layers.join('+')}${needs.length > 0 ? `<${needs.join(',')}` : ''}`)
    .join(' ');
}

const cutOf = (...nodes: readonly LayerNode[]) => drawn(cutGraph({ nodes }));

describe('jobs', () => {
  test('a chain is one job, and a branch begins new ones', () => {
    assert.equal(cutOf(node('10_a'), node('20_b', '10_a'), node('30_c', '20_b')), '10_a+20_b+30_c');
    assert.equal(
      cutOf(node('10_a'), node('20_b', '10_a'), node('30_c', '20_b'), node('40_d', '20_b')),
      '10_a+20_b 30_c<20_b 40_d<20_b',
    );
    assert.equal(
      cutOf(node('10_a'), node('20_b'), node('30_c', '10_a', {}, ['20_b']), node('40_d', '30_c')),
      '10_a 20_b 30_c+40_d<10_a,20_b',
    );
  });

  test('a chain that continues at another place is another job; sizes are those of the largest layer', () => {
    const [a, b] = [node('10_a', undefined, { cpus: 2 }), node('20_b', '10_a', { cpus: 4, memory: 2 ** 31 })];
    const c = node('30_c', '20_b', {
      places: [
        { name: 'big', line: 2 },
        { name: 'gpu:1', line: 3 },
      ],
    });
    const jobs = cutGraph({ nodes: [a, b, c] });
    assert.equal(drawn(jobs), '10_a+20_b 30_c<20_b');
    assert.deepEqual(
      jobs.map(({ resources }) => resources),
      [
        { cpus: 4, memory: 2 ** 31, gres: [] },
        { partition: 'big', gres: [{ name: 'gpu:1', where: { file: scriptFile(c.layer), line: 3 } }] },
      ],
    );
  });

  test('what other machines cannot get is no job, nor is what depends on it', () => {
    const secret = node('20_b', '10_a', { noshare: true });
    assert.equal(cutOf(node('10_a'), secret, node('30_c', '20_b'), node('40_d', '10_a')), '10_a+40_d');
    assert.equal(cutOf(node('10_a', undefined, { nocache: true }), node('20_b', '10_a')), '');
  });

  test('those on which the longest chains depend come first', () => {
    const jobs = cutGraph({
      nodes: [
        node('10_short'),
        node('20_base'),
        node('30_a', '20_base'),
        node('40_b', '20_base'),
        node('50_c', '40_b'),
      ],
    });
    assert.equal(drawn(jobs), '10_short 20_base 30_a<20_base 40_b+50_c<20_base');
    assert.equal(drawn(longestFirst(jobs)), '20_base 40_b+50_c<20_base 10_short 30_a<20_base');
  });

  test('a boot-layer with a size gets what QEMU takes, too', () => {
    const layer = layerOf('10_a', { kind: 'boot-layer', hints: { memory: 2 ** 31 } });
    const [job] = cutGraph({ nodes: [{ ...node('10_a'), layer }] });
    assert.equal(job?.resources.memory, 3 * 2 ** 30);
  });
});

/** Graphs in topological order, in which some layers run, and some are private or have a place. */
const plans: fc.Arbitrary<Plan> = fc
  .array(
    fc.record({
      parent: fc.nat(),
      hasParent: fc.boolean(),
      mounts: fc.array(fc.nat(), { maxLength: 2 }),
      runs: fc.boolean(),
      noshare: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
      places: fc.constantFrom<Hints['places']>([], [], [], [{ name: 'big', line: 2 }]),
    }),
    { minLength: 1, maxLength: 24 },
  )
  .map((drafts) => {
    const nodes = drafts.map(({ parent, hasParent, mounts, noshare, places }, index) => {
      const below = (at: number) => `l${at % index}`;
      const names = index === 0 ? [] : [...new Set(mounts.map(below))];
      return node(
        `l${index}`,
        index > 0 && hasParent ? below(parent) : undefined,
        { noshare, places },
        names,
      );
    });
    const keeping = retentionOf({ nodes });
    // What depends on a layer that runs has to run, too.
    const running = new Set<string>();
    for (const [index, one] of nodes.entries()) {
      if (drafts[index]?.runs || needsOf(one).some((name) => running.has(name))) running.add(one.name);
    }
    return nodes.map((one): Plan[number] => ({
      node: one,
      keeping: keeping.get(one.name) ?? 'cached',
      action: running.has(one.name)
        ? { type: 'run', reason: 'no record', changes: [] }
        : { type: 'fresh', record: {} as never }, // nothing reads it here
    }));
  });

/** The layers that run, and that other machines can get. */
function placedOf(plan: Plan): readonly LayerNode[] {
  const kept = new Set<string>();
  for (const { node: one } of plan) {
    if (one.layer?.hints.noshare || needsOf(one).some((name) => kept.has(name))) kept.add(one.name);
  }
  return plan.flatMap(({ node: one, action }) =>
    action.type === 'run' && isLayer(one) && !kept.has(one.name) ? [one] : [],
  );
}

describe('any graph', () => {
  const holds = (check: (plan: Plan, jobs: readonly Job[], placed: readonly LayerNode[]) => void) =>
    fc.assert(
      fc.property(plans, (plan) => check(plan, cutPlan(plan), placedOf(plan))),
      { seed: 20, numRuns: 500 },
    );

  test('each layer that runs is in one job, and no other is in any', () => {
    holds((_plan, jobs, placed) => {
      assert.deepEqual(
        jobs.flatMap(({ layers }) => layers).toSorted(),
        placed.map(({ name }) => name).toSorted(),
      );
      for (const { name, layers } of jobs) assert.equal(name, layers.at(-1));
    });
  });

  test('jobs depend on the jobs of what their layers need, which come before them', () => {
    holds((_plan, jobs, placed) => {
      const jobOf = new Map(jobs.flatMap((job) => job.layers.map((layer) => [layer, job] as const)));
      const before = new Set<string>();
      for (const { name, layers, needs } of jobs) {
        const own = placed.filter((one) => layers.includes(one.name));
        const needed = own.flatMap(needsOf).flatMap((one) => jobOf.get(one)?.name ?? []);
        assert.deepEqual([...needs].sort(), [...new Set(needed)].filter((one) => one !== name).sort());
        for (const need of needs) assert.ok(before.has(need), `${name} comes before ${need}`);
        before.add(name);
      }
    });
  });

  test('the longest chains first is an order of the same jobs in which none comes before what it needs', () => {
    holds((_plan, jobs) => {
      const ordered = longestFirst(jobs);
      assert.deepEqual(new Set(ordered), new Set(jobs));
      for (const [at, { needs }] of ordered.entries()) {
        for (const need of needs) assert.ok(ordered.findIndex(({ name }) => name === need) < at, need);
      }
    });
  });

  test('a job is a chain that nothing leaves or enters in the middle, and as long as it can be', () => {
    holds((_plan, jobs, placed) => {
      const names = new Set(placed.map(({ name }) => name));
      const needs = new Map(
        placed.map((one) => [one.name, [...new Set(needsOf(one))].filter((need) => names.has(need))]),
      );
      const places = new Map(
        placed.map((one) => [one.name, one.layer.hints.places.map(({ name: place }) => place).join()]),
      );
      const users = (name: string) => placed.filter((one) => needs.get(one.name)?.includes(name)).length;
      const follows = (name: string, below: string) =>
        needs.get(name)?.length === 1 &&
        needs.get(name)?.[0] === below &&
        users(below) === 1 &&
        places.get(name) === places.get(below);
      for (const { layers } of jobs) {
        for (const [index, layer] of layers.entries()) {
          if (index > 0) assert.ok(follows(layer, layers[index - 1] ?? ''), layer);
        }
      }
      for (const job of jobs) {
        for (const other of jobs) {
          if (job !== other)
            assert.ok(!follows(other.layers[0] ?? '', job.name), `${job.name}, ${other.name}`);
        }
      }
    });
  });

  test('a graph of which nothing is built is cut as a plan in which all runs', () => {
    holds((plan) => {
      const graph: Graph = { nodes: plan.map(({ node: one }) => one) };
      const all = plan.map((step): Plan[number] => ({
        ...step,
        action: { type: 'run', reason: 'no record', changes: [] },
      }));
      assert.deepEqual(cutGraph(graph), cutPlan(all));
    });
  });
});
