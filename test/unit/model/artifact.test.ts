// File names of artifacts: written and read in one place.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskFile, parseArtifactFile } from '../../../src/model/artifact.ts';
import { digestOf } from '../../rig/tree.ts';

const DIGEST = digestOf('a');

test('names are those of the first version, and are read as they were written', () => {
  assert.equal(diskFile({ digest: DIGEST, keeping: 'cached' }), `${DIGEST}.qcow2`);
  assert.equal(diskFile({ digest: DIGEST, keeping: 'uncached' }), `uncached-${DIGEST}.qcow2`);
  for (const keeping of ['cached', 'uncached'] as const) {
    assert.deepEqual(parseArtifactFile(diskFile({ digest: DIGEST, keeping })), {
      digest: DIGEST,
      keeping,
    });
  }
});

test('other names are not those of artifacts', () => {
  for (const name of [
    '',
    'image.qcow2',
    '20_app.qcow2',
    DIGEST,
    `${DIGEST}.qcow2.zst`,
    `./${DIGEST}.qcow2`,
    `${DIGEST}0.qcow2`,
    `${DIGEST.toUpperCase()}.qcow2`,
    `${DIGEST}.qcow2\n`,
    `cached-${DIGEST}.qcow2`,
    `.tmp-1-1-${DIGEST}.qcow2`,
  ]) {
    assert.equal(parseArtifactFile(name), undefined, name);
  }
});
