// Under which key the state after a step is kept, and where a run begins.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { findBeginning, pointKeys } from '../../../../src/kinds/steps/points.ts';
import type { CachePoints, Point } from '../../../../src/model/ports/points.ts';
import type { Layer, LayerStep } from '../../../../src/model/project.ts';
import { artifactOf, digestOf, NO_HINTS, PLATFORM } from '../../../rig/tree.ts';

const LINEAGE = { parent: artifactOf(digestOf('a')), mounts: [] };

function step(text: string, more: Partial<LayerStep> = {}): LayerStep {
  return {
    verb: 'run',
    args: text,
    title: text,
    version: 1,
    text,
    reads: [],
    secrets: [],
    params: {},
    when: [],
    where: { file: 'layer.yaml' },
    ...more,
  };
}

function layerOf(...all: readonly LayerStep[]): Layer {
  return {
    name: '20_a',
    directory: '/p/layers/20_a',
    kind: 'layer.yaml',
    platform: PLATFORM,
    hints: NO_HINTS,
    params: {},
    steps: { cachePoints: true, files: ['layer.yaml'], all, resolve: () => assert.fail() },
  };
}

/** Inputs by the pattern that reads them. */
function keysOf(layer: Layer, inputs: Readonly<Record<string, string>> = {}, lineage = LINEAGE) {
  return pointKeys(layer, lineage, {
    digest: (reads) =>
      [reads]
        .flat()
        .map((name) => inputs[name])
        .join(),
  });
}

class Points implements Pick<CachePoints, 'find' | 'release'> {
  readonly all = new Map<string, Point>();
  readonly releases = new Map<string, string>();
  #made = 0;

  find = (key: string) => this.all.get(key);
  release = (parent: string) => this.releases.get(parent);

  /** What a run of all steps from a beginning leaves. */
  run(layer: Layer, keys = keysOf(layer), from = 0): readonly string[] {
    let before: Point | undefined;
    const ids: string[] = [];
    for (const [index, one] of (layer.steps?.all ?? []).entries()) {
      const key = keys.of(one, before);
      const known = index < from ? this.all.get(key) : undefined;
      before = known ?? { id: `point ${this.#made++}`, release: 'ID=debian\n', made: '', since: 0 };
      this.all.set(key, before);
      ids.push(before.id);
    }
    return ids;
  }

  begin(layer: Layer, keys = keysOf(layer)): number {
    return findBeginning(layer, keys, this as unknown as CachePoints).done; // it asks for nothing else
  }
}

suite('keys', () => {
  const [one] = [step('a', { reads: ['f'], params: { A: '1' } })];
  const key = (
    changed: Partial<LayerStep> = {},
    inputs = {},
    before: { id: string } | undefined = undefined,
  ) => keysOf(layerOf(), { f: '1', ...inputs }).of({ ...one, ...changed }, before);

  test('have all that a step can see', () => {
    const others = [
      key({ text: 'b' }),
      key({ version: 2 }),
      key({ params: { A: '2' } }),
      key({}, { f: '2' }),
      key({}, {}, { id: 'x' }),
      keysOf({ ...layerOf(), hints: { ...NO_HINTS, noNetwork: true } }, { f: '1' }).of(one, undefined),
      keysOf(layerOf(), { f: '1' }, { parent: artifactOf(digestOf('b')), mounts: [] }).of(one, undefined),
      keysOf({ ...layerOf(), platform: { ...PLATFORM, architecture: 'arm64' } }, { f: '1' }).of(
        one,
        undefined,
      ),
    ];
    assert.equal(new Set([key(), ...others]).size, others.length + 1);
  });

  test('have nothing that it cannot see', () => {
    assert.equal(key({}, { g: 'x' }), key());
    assert.equal(key({ title: 'b', secrets: 'all' }), key());
    assert.equal(keysOf({ ...layerOf(), params: { B: 'x' } }, { f: '1' }).of(one, undefined), key());
  });
});

suite('where a run begins', () => {
  const steps = ['a', 'b', 'c', 'd'].map((text) => step(text, { reads: [text] }));

  test('behind the last step that did not change', () => {
    const points = new Points();
    const layer = layerOf(...steps);
    assert.equal(points.begin(layer), 0);
    points.run(layer);
    assert.equal(points.begin(layer), 4);
    assert.equal(points.begin(layerOf(...steps, step('e'))), 4);
    assert.equal(points.begin(layerOf(...steps.slice(0, 3), step('x'))), 3);
    assert.equal(points.begin(layerOf(step('x'), ...steps)), 0);
    assert.equal(points.begin(layer, keysOf(layer, { c: 'edited' })), 2);
  });

  test('the same step run again is another point, and what was over the former is not found', () => {
    const points = new Points();
    const layer = layerOf(...steps);
    const first = points.run(layer);
    const second = points.run(layerOf(...steps.slice(0, 2)));
    assert.notEqual(first[0], second[0]);
    assert.equal(points.begin(layer), 2, 'c and d are over the former b');
  });

  test('a step that is not for the system of the image is passed, if that is known', () => {
    const points = new Points();
    const rocky = { when: [{ not: false, distribution: ['rocky'] }] };
    const [a, b, c] = [step('a'), step('b', rocky), step('c')];
    points.run(layerOf(a, c));
    assert.equal(points.begin(layerOf(a, b, c)), 3);
    assert.equal(points.begin(layerOf(b, a, c)), 0, 'nothing says what is in the parent');
    points.releases.set(digestOf('a'), 'ID=debian\n');
    assert.equal(points.begin(layerOf(b, a, c)), 3);
    points.releases.set(digestOf('a'), 'ID=rocky\n');
    assert.equal(points.begin(layerOf(b, a, c)), 0);
  });

  test('each point that is used is over the one before it, whatever was run in whatever order', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(fc.tuple(texts, fc.boolean()), { maxLength: 12 }), (runs) => {
        const points = new Points();
        /** The texts that were run, in order, to make the bytes of each point. */
        const history = new Map<string, string>();
        for (const [run, isForced] of runs) {
          const layer = layerOf(...run.map((text) => step(text)));
          const begin = isForced ? 0 : points.begin(layer);
          const ids = points.run(layer, keysOf(layer), begin);
          for (const [index, id] of ids.entries()) {
            const made = `${index === 0 ? '' : ids[index - 1]} ${run[index]}`;
            assert.equal(history.get(id) ?? made, made);
            history.set(id, made);
          }
        }
      }),
    );
  });
});
