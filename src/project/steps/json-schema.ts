// The schema of layer.yaml as JSON Schema, for editors. Loaded only where it is printed.

import { toJsonSchema } from '@valibot/to-json-schema';
import { VERBS } from '../../steps/registry.ts';
import { DISKS_SCHEMA, SYSTEM_SCHEMA } from '../../system/schema.ts';
import { isObject } from '../../util/json.ts';
import type { FieldShape } from '../hints/word.ts';
import { VLB_WORDS } from '../hints/words.ts';

const TEXT = { type: ['string', 'number'] };
const VALUES = { anyOf: [TEXT, { type: 'array', items: TEXT }] };
const MAPPING = { type: 'object', additionalProperties: TEXT };

const SHAPES: Readonly<Record<FieldShape, object>> = {
  flag: { type: 'boolean' },
  text: TEXT,
  texts: VALUES,
  pairs: { anyOf: [MAPPING, { type: 'array', items: MAPPING }] },
  params: {
    anyOf: [
      { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean', 'null'] } },
      { type: 'array', items: { type: 'string' } },
    ],
  },
};

/** The JSON Schema (draft 2020-12) of layer.yaml. Rules that JSON Schema cannot express are left out; a build checks them. */
export function layerJsonSchema(): object {
  const hints = Object.values(VLB_WORDS).flatMap(({ field, text }) =>
    field ? [[field.name, { description: text, ...SHAPES[field.shape] }] as const] : [],
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'layer.yaml',
    description: 'A layer of steps of a vlb project.',
    type: 'object',
    properties: {
      ...Object.fromEntries(hints),
      'cache-points': { type: 'boolean', description: 'Keep the state after each step (default: true).' },
      system: withNumbers({ description: SYSTEM_TEXT, ...jsonOf(SYSTEM_SCHEMA) }),
      disks: withNumbers({ description: DISKS_TEXT, ...jsonOf(DISKS_SCHEMA) }),
      steps: { $ref: '#/$defs/steps' },
    },
    anyOf: [{ required: ['steps'] }, { required: ['system'] }],
    additionalProperties: false,
    $defs: { steps: { type: 'array', minItems: 1, items: { anyOf: stepSchemas() } }, when: whenSchema() },
  };
}

/** All verbs, each with the JSON Schema of its arguments. */
export function verbSchemas() {
  return VERBS.map(({ name, summary, examples, schema }) => {
    return { name, summary, examples, schema: jsonOf(schema) };
  });
}

function jsonOf(schema: Parameters<typeof toJsonSchema>[0]) {
  const { $schema: _, ...own } = toJsonSchema(schema, { target: 'draft-2020-12', errorMode: 'ignore' });
  return own;
}

const SYSTEM_TEXT = 'Makes a system on an empty disk, before the steps: the layer is built on no other one.';
const DISKS_TEXT = 'The disk of the system, with its partitions.';

/** One for each verb: a mapping with that one, and perhaps `when`. */
function stepSchemas(): readonly object[] {
  const verbs = verbSchemas().map(({ name, summary, schema }) =>
    step(name, { description: `${summary}.`, ...withNumbers(schema) }),
  );
  const include = {
    description: 'Takes the steps of another file of the layer.',
    anyOf: [
      { type: 'string' },
      {
        type: 'object',
        properties: { file: { type: 'string' }, params: MAPPING },
        required: ['file'],
        additionalProperties: false,
      },
    ],
  };
  return [...verbs, step('include', include), { enum: VERBS.map(({ name }) => name) }];
}

function step(name: string, schema: object): object {
  return {
    type: 'object',
    properties: { [name]: schema, when: { $ref: '#/$defs/when' } },
    required: [name],
    additionalProperties: false,
  };
}

function whenSchema(): object {
  const conditions = {
    distribution: { ...VALUES, description: 'ID of os-release(5) in the image, or one that it is like.' },
    version: { ...VALUES, description: 'VERSION_ID or VERSION_CODENAME of os-release(5).' },
    architecture: { ...VALUES, description: 'Architecture of the image, such as amd64 or arm64.' },
    params: { type: 'object', additionalProperties: VALUES, description: 'Values of parameters.' },
  };
  return {
    description: 'When the step runs: if all of these hold.',
    type: 'object',
    properties: {
      ...conditions,
      not: { type: 'object', properties: conditions, additionalProperties: false },
    },
    additionalProperties: false,
  };
}

/** A schema whose texts may be numbers in YAML: the reader takes those as they are written. */
function withNumbers<T>(schema: T): T {
  return JSON.parse(JSON.stringify(schema), (_, value: unknown) =>
    isObject(value) && value['type'] === 'string' ? { ...value, type: ['string', 'number'] } : value,
  );
}
