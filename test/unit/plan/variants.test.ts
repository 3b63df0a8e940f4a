// The graph of a project with parameters: which layers an image with parameters of its own has for itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { machineOf } from '../../../src/model/machine/machine.ts';
import type { NamedImage } from '../../../src/model/project.ts';
import { findMachines } from '../../../src/plan/machines.ts';
import { projectGraph } from '../../../src/plan/variants.ts';
import type { NamedMachine } from '../../../src/project/config/machines.ts';
import { failureIn, layerOf, valueIn } from '../../rig/tree.ts';

const BASES = new Map([['base', { type: 'file', path: '/base.qcow2' } as const]]);
const WHERE = { file: '/p/vlb.yaml', line: 3 };

const param = (name: string, value?: string) => ({ name, default: value, line: 2 });

function image(name: string, layer: string, params: Readonly<Record<string, string>> = {}): NamedImage {
  return { name, layer, params: new Map(Object.entries(params)), where: WHERE };
}

/** 10 ← 20 (ROLE) ← 30, and 40 on 10 with a parameter of its own. */
function project(images: readonly NamedImage[], role?: string, machines: readonly NamedMachine[] = []) {
  return {
    layers: [
      layerOf('10_base'),
      layerOf('20_app', { hints: { params: [param('ROLE', role)] } }),
      layerOf('30_more'),
      layerOf('40_side', { hints: { from: { layer: '10_base', line: 1 }, params: [param('SIDE', 'x')] } }),
    ],
    bases: BASES,
    images,
    machines,
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

describe('machines with parameters', () => {
  function machine(
    name: string,
    disks: readonly string[],
    params: Readonly<Record<string, string>>,
  ): NamedMachine {
    const [system = '', ...others] = disks;
    const plain = machineOf(name, system);
    const [main] = plain.disks;
    return {
      machine: { ...plain, disks: [main, ...others.map((image, at) => ({ name: `disk${at}`, image }))] },
      params: new Map(Object.entries(params)),
      where: WHERE,
    };
  }

  /** The nodes beside the plain ones, and the layers of each machine's disks. */
  function varied(
    machines: readonly NamedMachine[],
    images: readonly NamedImage[] = [],
    given: ReadonlyMap<string, string> = new Map(),
  ) {
    const whole = valueIn(projectGraph(project(images, 'plain', machines), given));
    const nodes = whole.graph.nodes
      .filter(({ name }) => name.includes('@'))
      .map(({ name, parent, layer }) => [name, parent, ...Object.values(layer?.params ?? {})].join(' '));
    const found = valueIn(findMachines([], { ...whole, machines }));
    return { nodes, machines: Object.fromEntries(found.map((one) => [one.machine.name, one.layers])) };
  }

  test('have variants of the layers that are different; all of their disks share them', () => {
    assert.deepEqual(varied([machine('web', ['30_more', '20_app', '40_side'], { ROLE: 'web' })]), {
      nodes: ['20_app@web 10_base web', '30_more@web 20_app@web'],
      machines: { web: ['30_more@web', '20_app@web', '40_side'] },
    });
  });

  test('share what an image, or another machine, has with the same values', () => {
    const site = image('site', '30_more', { ROLE: 'web' });
    const machines = [
      machine('a', ['more'], { ROLE: 'web' }),
      machine('b', ['site'], { ROLE: 'web' }),
      machine('c', ['20_app'], { ROLE: 'db' }),
      machine('d', ['30_more'], { ROLE: 'db' }),
      machine('e', ['30_more'], { ROLE: 'plain' }),
      machine('f', ['30_more'], {}),
    ];
    assert.deepEqual(varied(machines, [site]), {
      nodes: [
        '20_app@site 10_base web',
        '30_more@site 20_app@site',
        '20_app@c 10_base db',
        '30_more@d 20_app@c',
      ],
      machines: {
        a: ['30_more@site'],
        b: ['30_more@site'],
        c: ['20_app@c'],
        d: ['30_more@d'],
        e: ['30_more'],
        f: ['30_more'],
      },
    });
  });

  test('take precedence over the image of a disk, and may have its name', () => {
    const images = [image('web', '20_app', { ROLE: 'image' })];
    const machines = [machine('web', ['web', '40_side'], { ROLE: 'machine', SIDE: 'y' })];
    assert.deepEqual(varied(machines, images), {
      nodes: ['20_app@web 10_base image', '20_app@web.2 10_base machine', '40_side@web 10_base y'],
      machines: { web: ['20_app@web.2', '40_side@web'] },
    });
    assert.deepEqual(varied(machines, images, new Map([['ROLE', 'given']])), {
      nodes: ['40_side@web 10_base y'],
      machines: { web: ['20_app', '40_side@web'] },
    });
    // What only the image sets stays as it is there.
    assert.deepEqual(varied([machine('web', ['web', '40_side'], { SIDE: 'y' })], images).machines, {
      web: ['20_app@web', '40_side@web'],
    });
  });

  test('give a layer a value that it lacks', () => {
    const machines = [machine('web', ['30_more'], { ROLE: 'web' })];
    assert.equal(valueIn(projectGraph(project([], undefined, machines), new Map())).lacking, undefined);
  });

  test('are refused for a parameter that their layers lack, and for an unknown layer', () => {
    const refused = (disk: string, params: Readonly<Record<string, string>>) =>
      failureIn(projectGraph(project([], 'plain', [machine('web', [disk], params)]), new Map()));
    const unknown = refused('30_more', { ROEL: 'web' });
    assert.equal(
      unknown.message,
      'vlb.yaml: machines.web.params: no layer of the machine has a parameter ROEL',
    );
    assert.equal(unknown.hint, 'did you mean ROLE?');
    assert.deepEqual(unknown.where, WHERE);
    const layer = refused('30_mroe', { ROLE: 'web' });
    assert.match(layer.message, /^vlb\.yaml: machines\.web\.disks: no layer named "30_mroe"/);
    assert.deepEqual(layer.where, WHERE);
  });
});
