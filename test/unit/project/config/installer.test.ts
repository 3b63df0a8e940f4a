// `base.installer` of vlb.yaml.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../../src/project/config/config.ts';
import { failureIn, Tree, valueIn } from '../../../rig/tree.ts';

const SHA = 'A'.repeat(64);

test('an installer of files and of a disc, with defaults and without', async () => {
  const base = async (text: string) => {
    using tree = new Tree({ 'vlb.yaml': `base: { ${text} }\n` });
    const { base: found } = valueIn(await loadConfig(tree.directory));
    return JSON.parse(JSON.stringify(found).replaceAll(tree.directory, ''));
  };
  const machine = { kernelArguments: '', memory: 1024, cpus: 2, hasNetwork: true, timeout: 7200 };
  assert.deepEqual(
    await base(
      `installer: { kernel: k, initrd: "http://a/i", initrd-sha256: ${SHA} }, answers: a.cfg, size: 1G`,
    ),
    {
      ...{ type: 'installer', answers: '/a.cfg', size: 2 ** 30, ...machine },
      from: {
        type: 'files',
        kernel: { place: '/k' },
        initrd: { place: 'http://a/i', sha256: SHA.toLowerCase() },
      },
    },
  );
  assert.deepEqual(
    await base(
      'installer: { iso: d.iso, kernel: /k, initrd: /i, memory: 2G, cpus: 1, network: none, timeout: 90m, arguments: x y }, size: 1G',
    ),
    {
      ...{ type: 'installer', size: 2 ** 30, kernelArguments: 'x y', memory: 2048, cpus: 1 },
      ...{ hasNetwork: false, timeout: 5400 },
      from: { type: 'disc', disc: { place: '/d.iso' }, kernel: '/k', initrd: '/i' },
    },
  );
});

for (const [text, message] of [
  ['installer: {}, size: 1G', /base\.installer must be a mapping with kernel and initrd, or with iso$/],
  ['installer: x, size: 1G', /base\.installer must be a mapping with kernel and initrd, or with iso$/],
  ['installer: { iso: a }', /base\.installer requires base\.size$/],
  ['installer: { kernel: a }, size: 1G', /base\.installer\.kernel requires base\.installer\.initrd$/],
  [
    'installer: { iso: "https://a/b" }, size: 1G',
    /iso is a URL, which requires base\.installer\.iso-sha256$/,
  ],
  [
    'installer: { kernel: "http://a/b", initrd: i }, size: 1G',
    /kernel is a URL, which requires base\.installer\.kernel-sha256$/,
  ],
  ['installer: { iso: a, kernel: "http://a/b", initrd: i }, size: 1G', /must be a path in the ISO image$/],
  [
    `installer: { iso: a, kernel: b, initrd: i, kernel-sha256: ${SHA} }, size: 1G`,
    /kernel-sha256 cannot be combined with base\.installer\.iso$/,
  ],
  [
    `installer: { kernel: a, initrd: b, iso-sha256: ${SHA} }, size: 1G`,
    /iso-sha256 requires base\.installer\.iso$/,
  ],
  ['installer: { iso: a, timeout: soon }, size: 1G', /timeout must be a time like 90m or 3h$/],
  ['installer: { iso: a, isso: b }, size: 1G', /unknown field "base\.installer\.isso"/],
  ['installer: { iso: a }, path: b, size: 1G', /base\.path cannot be combined with base\.installer$/],
  ['installer: { iso: a }, expand: 1, size: 1G', /base\.expand cannot be combined with base\.installer$/],
  ['path: a, answers: b', /base\.answers requires base\.installer$/],
] as const) {
  test(`refused: ${text}`, async () => {
    using tree = new Tree({ 'vlb.yaml': `base: { ${text} }\n` });
    const failure = failureIn(await loadConfig(tree.directory));
    assert.match(failure.message, message);
    assert.ok(failure.where?.line);
  });
}
