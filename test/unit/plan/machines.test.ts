// The machines that names mean.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Machine, machineOf, macOf, uuidOf } from '../../../src/model/machine/machine.ts';
import { buildGraph } from '../../../src/plan/graph.ts';
import { findMachines } from '../../../src/plan/machines.ts';
import { failureIn, layerOf, valueIn } from '../../rig/tree.ts';

const WHERE = { file: '/p/vlb.yaml', line: 2 };

const LAYERS = ['10_base', '20_app', '30_more'].map((name) => layerOf(name));

function known(machines: readonly Machine[] = []) {
  return {
    machines: machines.map((machine) => ({ machine, where: WHERE })),
    images: new Map([['site', '20_app']]),
    graph: valueIn(buildGraph(LAYERS, new Map([['base', { type: 'file', path: '/base.qcow2' }]]))),
  };
}

describe('findMachines', () => {
  test('without names, all machines of vlb.yaml', () => {
    const found = valueIn(findMachines([], known([machineOf('web', 'site'), machineOf('db', 'more')])));
    assert.deepEqual(
      found.map(({ machine, layers }) => [machine.name, ...layers]),
      [
        ['web', '20_app'],
        ['db', '30_more'],
      ],
    );
  });

  test('without machines, the main image', () => {
    const [main] = valueIn(findMachines([], known()));
    assert.deepEqual([main?.machine.name, main?.layers], ['image', ['30_more']]);
  });

  test('an image or a layer is a machine with one disk', () => {
    const found = valueIn(findMachines(['site', 'app', '30', 'site'], known()));
    assert.deepEqual(
      found.map(({ machine, layers }) => [machine.name, layers[0]]),
      [
        ['site', '20_app'],
        ['20_app', '20_app'],
        ['30_more', '30_more'],
      ],
    );
  });

  test('an empty disk has no layer', () => {
    const web = machineOf('web', 'app');
    const [system] = web.disks;
    const [found] = valueIn(
      findMachines(['web'], known([{ ...web, disks: [system, { name: 'data', size: 1024 }] }])),
    );
    assert.deepEqual(found?.layers, ['20_app', undefined]);
  });

  test('an unknown name gets the nearest one', () => {
    const failure = failureIn(findMachines(['wep'], known([machineOf('web', 'app')])));
    assert.match(failure.message, /no machine, image or layer named "wep"/);
    assert.equal(failure.hint, 'did you mean web?');
  });

  test('a disk of an unknown layer is located in vlb.yaml', () => {
    const failure = failureIn(findMachines(['web'], known([machineOf('web', '20_ap')])));
    assert.match(failure.message, /machines\.web\.disks: no layer named "20_ap"/);
    assert.deepEqual(failure.where, WHERE);
  });
});

test('the UUID and the MAC addresses of a machine come from its name', () => {
  assert.match(uuidOf('web'), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(uuidOf('web'), uuidOf('web'));
  assert.notEqual(uuidOf('web'), uuidOf('db'));
  assert.match(macOf('web', 0), /^52:54:00(:[0-9a-f]{2}){3}$/);
  assert.notEqual(macOf('web', 0), macOf('web', 1));
});
