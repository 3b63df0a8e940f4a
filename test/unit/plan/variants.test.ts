// The graph of a project with parameters: which layers an image with parameters of its own has for itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NamedImage } from '../../../src/model/project.ts';
import { projectGraph } from '../../../src/plan/variants.ts';
import { failureIn, layerOf, valueIn } from '../../rig/tree.ts';

const BASES = new Map([['base', { type: 'file', path: '/base.qcow2' } as const]]);
const WHERE = { file: '/p/vlb.yaml', line: 3 };

const param = (name: string, value?: string) => ({ name, default: value, line: 2 });

function image(name: string, layer: string, params: Readonly<Record<string, string>> = {}): NamedImage {
  return { name, layer, params: new Map(Object.entries(params)), where: WHERE };
}

/** 10 ← 20 (ROLE) ← 30, and 40 on 10 with a parameter of its own. */
function project(images: readonly NamedImage[], role?: string) {
  return {
    layers: [
      layerOf('10_base'),
      layerOf('20_app', { hints: { params: [param('ROLE', role)] } }),
      layerOf('30_more'),
      layerOf('40_side', { hints: { from: { layer: '10_base', line: 1 }, params: [param('SIDE', 'x')] } }),
    ],
    bases: BASES,
    images,
  };
}

function drawn(images: readonly NamedImage[], role?: string, given: ReadonlyMap<string, string> = new Map()) {
  const { graph, images: layers } = valueIn(projectGraph(project(images, role), given));
  const nodes = graph.nodes.map(({ name, parent, layer }) =>
    [name, parent, ...Object.values(layer?.params ?? {})].filter((one) => one !== undefined).join(' '),
  );
  return { nodes, layers: Object.fromEntries(layers) };
}

const PLAIN = ['base', '10_base base', '20_app 10_base plain', '30_more 20_app', '40_side 10_base x'];

describe('projectGraph', () => {
  test('an image without parameters shares everything', () => {
    assert.deepEqual(drawn([image('web', '30_more')], 'plain'), { nodes: PLAIN, layers: { web: '30_more' } });
  });

  test('parameters that make no difference share everything', () => {
    const web = image('web', '30_more', { ROLE: 'plain' });
    assert.deepEqual(drawn([web], 'plain'), { nodes: PLAIN, layers: { web: '30_more' } });
  });

  test('a layer with another value, and what is built on it, are variants; the rest is shared', () => {
    assert.deepEqual(drawn([image('web', '30_more', { ROLE: 'web' })], 'plain'), {
      nodes: [...PLAIN, '20_app@web 10_base web', '30_more@web 20_app@web'],
      layers: { web: '30_more@web' },
    });
  });

  test('a layer that lacks a value is built for the images that have one, and for no other', () => {
    const images = [image('web', '30_more', { ROLE: 'web' }), image('db', '30_more', { ROLE: 'db' })];
    assert.deepEqual(drawn(images), {
      nodes: [
        'base',
        '10_base base',
        '40_side 10_base x',
        '20_app@web 10_base web',
        '30_more@web 20_app@web',
        '20_app@db 10_base db',
        '30_more@db 20_app@db',
      ],
      layers: { web: '30_more@web', db: '30_more@db' },
    });
  });

  test('the command line takes precedence over an image', () => {
    const web = image('web', '20_app', { ROLE: 'web' });
    const { layers } = drawn([web], undefined, new Map([['ROLE', 'given']]));
    assert.deepEqual(layers, { web: '20_app' });
  });

  test('a value that is missing for a layer outside the images stays a failure', () => {
    const { lacking } = valueIn(projectGraph(project([image('web', '20_app', { ROLE: 'web' })]), new Map()));
    assert.match(lacking?.message ?? '', /20_app requires a value for its parameter ROLE/); // for 30_more
  });

  test('a parameter that no layer of the image declares is refused, with its place and the nearest name', () => {
    const failure = failureIn(
      projectGraph(project([image('web', '30_more', { ROL: 'web' })], 'x'), new Map()),
    );
    assert.match(failure.message, /images\.web\.params: no layer of the image has a parameter ROL/);
    assert.equal(failure.hint, 'did you mean ROLE?');
    assert.deepEqual(failure.where, WHERE);
    const side = projectGraph(project([image('web', '30_more', { SIDE: 'y' })], 'x'), new Map());
    assert.match(failureIn(side).message, /no layer of the image has a parameter SIDE/);
  });
});
