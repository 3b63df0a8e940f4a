// What a base stands for in a key.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { qemuImg } from '../../../../src/host/images/qemu-img.ts';
import { digestsOf } from '../../../../src/kinds/base/lists/checksums.ts';
import { baseKindOf } from '../../../../src/kinds/registry.ts';
import { fail } from '../../../../src/model/failure.ts';
import type { Base } from '../../../../src/model/project.ts';
import { lazyFileHasher } from '../../../../src/project/inputs/hash.ts';
import { StatIndex } from '../../../../src/project/inputs/stat-index.ts';
import { failureIn, Tree, valueIn } from '../../../rig/tree.ts';

const loadHasher = lazyFileHasher();

async function content(base: Base, tree: Tree, refresh = false) {
  const index = StatIndex.load(tree.path('.vlb/stat-index'));
  const recipe = await baseKindOf(base).recipe({
    name: 'base',
    directory: tree.directory,
    index,
    loadHasher,
    refresh,
    environment: { variables: {} },
    verifySignature: async () => fail('host', 'there is no gpgv here'),
    exportKey: async () => fail('host', 'there is no gpg here'),
    read: qemuImg.read,
    signal: new AbortController().signal,
  });
  index.save(true);
  return recipe;
}

test('a file stands for its content and the checksum asked for, wherever it is', async () => {
  using tree = new Tree({ one: 'abc', 'deep/two': 'abc', three: 'abd' });
  const of = async (name: string, sha256?: string) =>
    valueIn(
      await content(
        { type: 'file', path: tree.path(name), ...(sha256 === undefined ? {} : { sha256 }) },
        tree,
      ),
    );
  assert.match(await of('one'), /44bc2cf5ad770999/);
  assert.equal(await of('one'), await of('deep/two'));
  assert.notEqual(await of('one'), await of('three'));
  assert.notEqual(await of('one'), await of('one', '0'.repeat(64)));
});

test('a url stands for its checksum, whatever the address, and nothing is read', async () => {
  using tree = new Tree();
  const of = async (url: string, digit: string) =>
    valueIn(await content({ type: 'url', url, sha256: digit.repeat(64) }, tree));
  assert.equal(await of('https://a.example/x', '1'), await of('https://mirror.example/y', '1'));
  assert.notEqual(await of('https://a.example/x', '1'), await of('https://a.example/x', '2'));
});

test('a base that is not there, or is no file', async () => {
  using tree = new Tree({
    'directory/': '',
    loop: { link: 'loop' },
    annexed: { link: '.git/annex/objects/a/b' },
  });
  for (const [name, message] of [
    ['missing', /does not exist/],
    ['missing/below', /does not exist/],
    ['directory', /is not a file/],
    ['loop', /base image/],
    ['annexed', /is a link to .*, which does not exist/],
  ] as const) {
    const failure = failureIn(await content({ type: 'file', path: tree.path(name) }, tree));
    assert.match(failure.message, message);
    assert.equal(failure.where?.file, tree.path(name));
  }
});

test('a list of checksums stands for the digests that it has for the image', async () => {
  const [one, two] = ['1'.repeat(128), '2'.repeat(128)];
  using tree = new Tree({ 'image.qcow2': 'abc', SUMS: `${one}  other.qcow2\n${two}  image.qcow2\n` });
  const file = { type: 'file', path: tree.path('image.qcow2') } as const;
  const url = { type: 'url', url: 'https://images.example/12/image.qcow2?x' } as const;
  const checksums = { source: tree.path('SUMS') };
  const same = async (a: Base, b: Base) =>
    assert.equal(valueIn(await content(a, tree)), valueIn(await content(b, tree)));
  await same({ ...file, checksums }, { ...file, sha512: two });
  await same({ ...url, checksums }, { ...url, sha512: two });
  tree.write({ SUMS: `SHA512 (image.qcow2) = ${one}\n` });
  await same({ ...url, checksums }, { ...url, sha512: one });
  assert.deepEqual(baseKindOf({ ...url, checksums }).files, [tree.path('SUMS')]);

  tree.write({ SUMS: `${one}  other.qcow2\n` });
  const failure = failureIn(await content({ ...url, checksums }, tree));
  assert.match(failure.message, /the list has no SHA-256 or SHA-512 of image\.qcow2/);
  assert.equal(failure.where?.file, tree.path('SUMS'));
});

test('a list of another machine is requested once, and again on request', async () => {
  using tree = new Tree();
  let digest = '1'.repeat(64);
  let requests = 0;
  const server = createServer((_request, response) => {
    requests++;
    response.end(`${digest} *image.raw\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server's address is one
  const base: Base = {
    type: 'url',
    url: 'https://images.example/image.raw',
    checksums: { source: `http://127.0.0.1:${port}/SHA256SUMS` },
  };
  try {
    const first = valueIn(await content(base, tree));
    digest = '2'.repeat(64);
    assert.equal(valueIn(await content(base, tree)), first);
    assert.equal(requests, 1);
    assert.notEqual(valueIn(await content(base, tree, true)), first);
    assert.equal(requests, 2);
  } finally {
    server.close();
  }
  assert.match(
    failureIn(await content(base, tree, true)).message,
    /cannot download the list of checksums: .* refused the connection/,
  );
});

test('lists in every form', () => {
  const [short, long] = ['A'.repeat(64), 'b'.repeat(128)];
  for (const [list, digests] of [
    [`${short}  a b.img\n`, { sha256: short.toLowerCase() }],
    [`${short} *a b.img\r\n${long} *./deep/a b.img`, { sha256: short.toLowerCase(), sha512: long }],
    [`SHA512 (a b.img) = ${long}\nSHA1 (a b.img) = ${'1'.repeat(40)}\n`, { sha512: long }],
    [`SHA2-512(a b.img)= ${short}\nSHA256(a b.img)= ${short}`, { sha256: short.toLowerCase() }],
  ] as const) {
    assert.deepEqual(valueIn(digestsOf('a b.img', list, 'SUMS')), digests);
  }
  for (const [list, says] of [
    ['', /has no SHA-256 or SHA-512 of a b\.img/],
    [`${'1'.repeat(40)}  a b.img`, /has no SHA-256/],
    [`${short}  ab.img`, /has no SHA-256/],
    [`${short}  x/a b.img\n${'0'.repeat(64)}  y/a b.img`, /has several checksums of a b\.img/],
  ] as const) {
    assert.match(failureIn(digestsOf('a b.img', list, 'SUMS')).message, says);
  }
});
