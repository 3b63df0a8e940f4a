// The JSON Schema of vlb.yaml, judged by another validator, and the pages of docs/ that are generated from src/project.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { configJsonSchema } from '../../../../src/project/config/json-schema.ts';
import { configurationPage } from '../../../../src/project/config/markdown.ts';
import { hintsPage } from '../../../../src/project/hints/markdown.ts';
import { verbsPage } from '../../../../src/project/steps/markdown.ts';

const SHA = '0123456789abcdef'.repeat(4);
const validate = new Ajv2020({ strict: false }).compile(JSON.parse(JSON.stringify(configJsonSchema())));

describe('the JSON Schema', () => {
  for (const value of [
    {},
    { base: 'debian.qcow2' },
    { base: { url: 'https://example.org/a', sha256: SHA }, images: { web: '30_web' } },
    { base: { path: 'a', size: '20G', expand: 1 } },
    { cache: { 'max-size': '20G', 'max-age': 0, s3: { bucket: 'team', 'path-style': true } } },
    { cache: { s3: { bucket: 'team' }, 'trusted-keys': [`${'A'.repeat(43)}=`] } },
  ]) {
    test(`accepts ${JSON.stringify(value)}`, () => assert.equal(validate(value), true));
  }

  for (const value of [
    { bsae: 'x' },
    { base: { path: 'a', sha265: SHA } },
    { base: { path: 'a', sha256: 'abc' } },
    { base: { path: 'a', size: '20G', expand: 'last' } },
    { base: ['a'] },
    { cache: { s3: { prefix: 'a' } } },
    { cache: { s3: { bucket: 'team', buckit: 'a' } } },
    { cache: { 'trusted-keys': [] } },
  ]) {
    test(`rejects ${JSON.stringify(value)}`, () => assert.equal(validate(value), false));
  }
});

describe('docs/ is up to date (npm run docs)', () => {
  const page = (name: string) => readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8');

  test('configuration.md', () =>
    assert.equal(page('configuration.md'), configurationPage(configJsonSchema())));
  test('hints.md', () => assert.equal(page('hints.md'), hintsPage()));
  test('step-verbs.md', () => assert.equal(page('step-verbs.md'), verbsPage()));
});
