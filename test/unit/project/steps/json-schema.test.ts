// The JSON Schema of layer.yaml, judged by another validator.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { layerJsonSchema } from '../../../../src/project/steps/json-schema.ts';
import { VERBS } from '../../../../src/steps/registry.ts';

const validate = new Ajv2020({ strict: false }).compile(JSON.parse(JSON.stringify(layerJsonSchema())));

describe('the JSON Schema of layer.yaml', () => {
  for (const { name, examples } of VERBS) {
    test(`accepts the examples of ${name}`, () => {
      for (const example of examples) {
        assert.equal(validate({ steps: [parse(example)] }), true, example);
        assert.equal(validate({ steps: [{ ...parse(example), when: { distribution: 'debian' } }] }), true);
      }
    });
  }

  test('accepts hints, conditions and other files', () => {
    const steps = [
      { include: { file: 'a.yaml', params: { A: 1 } }, when: { not: { params: { A: ['x'] } } } },
    ];
    const hints = { params: ['A'], secrets: 'B', mount: { '10_a': '/a' }, timeout: '5m', nocache: true };
    assert.equal(validate({ ...hints, 'cache-points': false, steps }), true);
  });

  for (const value of [
    {},
    { steps: [] },
    { steps: [{ rnu: 'x' }] },
    { steps: [{ run: 'x', include: 'y' }] },
    { steps: [{ run: { commandd: 'x' } }] },
    { steps: [{ run: 'x', when: { distro: 'x' } }] },
    { steps: [{ run: 'x' }], tiemout: '5m' },
    { steps: [{ run: 'x' }], nocache: 'yes' },
  ]) {
    test(`rejects ${JSON.stringify(value)}`, () => assert.equal(validate(value), false));
  }
});
