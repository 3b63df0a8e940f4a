// `sha512:` of a base, and lists of checksums with signatures that gpgv verifies.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { APP, BaseImages } from '../rig/base-images.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';

const images = new BaseImages();
let server: ReturnType<typeof createServer>;
let web: string;
let requests: string[] = [];

function gpg(...args: readonly string[]): string {
  return images.run('gpg', '--homedir', 'gnupg', '--batch', '--quiet', '--yes', ...args);
}

function digest(algorithm: string, name: string): string {
  return createHash(algorithm)
    .update(readFileSync(images.path(name)))
    .digest('hex');
}

before(async () => {
  await images.make('base', { size: '64M' });
  images.run('cp', 'base.qcow2', 'other.qcow2');
  images.run('qemu-io', '-c', 'write -P 7 63M 64k', 'other.qcow2');
  mkdirSync(images.path('gnupg'), { mode: 0o700 });
  for (const user of ['distribution', 'stranger']) {
    gpg('--passphrase', '', '--quick-generate-key', `${user}@example.org`, 'ed25519', 'sign', 'never');
    gpg('--output', `${user}.gpg`, '--export', user);
  }
  gpg('--armor', '--output', 'distribution.asc', '--export', 'distribution');
  writeFileSync(
    images.path('SHA512SUMS'),
    ['base.qcow2', 'other.qcow2'].map((name) => `${digest('sha512', name)}  ${name}\n`).join(''),
  );
  writeFileSync(images.path('CHECKSUM'), `SHA256 (base.qcow2) = ${digest('sha256', 'base.qcow2')}\n`);
  gpg('-u', 'distribution', '--output', 'SHA512SUMS.sig', '--detach-sign', 'SHA512SUMS');
  gpg('-u', 'distribution', '--armor', '--output', 'SHA512SUMS.asc', '--detach-sign', 'SHA512SUMS');
  gpg('-u', 'distribution', '--output', 'CHECKSUM.signed', '--clear-sign', 'CHECKSUM');
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.end(readFileSync(images.path(`.${request.url}`)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server's address is one
  web = `http://127.0.0.1:${port}`;
});
after(() => {
  server.close();
  images.run('gpgconf', '--homedir', 'gnupg', '--kill', 'all');
  images[Symbol.dispose]();
});

/** vlb.yaml with a base; a place that begins with a slash is on the server. */
function yaml(fields: Readonly<Record<string, string>>) {
  const lines = Object.entries(fields).map(([name, value]) => {
    const place = value.startsWith('/') ? `${web}${value}` : images.path(value);
    return `  ${name}: ${name.startsWith('sha') ? value : place}\n`;
  });
  return { 'vlb.yaml': `base:\n${lines.join('')}` };
}

test('a SHA-512 in vlb.yaml', async () => {
  const sha512 = digest('sha512', 'base.qcow2');
  await using project = new TestProject({ ...APP, ...yaml({ url: '/base.qcow2', sha512 }) });
  const built = await project.build();
  assert.equal(built.outcomes, 'base built, 10_app built', built.told);
  project.write(yaml({ path: 'other.qcow2', sha512 }));
  const failed = await project.build();
  assert.equal(failed.status, 2, failed.told);
  assert.match(
    failed.finished?.failure?.message ?? '',
    /the sha512 of the base image .* is not the one in vlb\.yaml/,
  );
  assert.deepEqual(leftovers(project), []);
});

test('a list has the same key as its digest, and is requested once', async () => {
  requests = [];
  const sha512 = digest('sha512', 'base.qcow2');
  await using project = new TestProject({ ...APP, ...yaml({ url: '/base.qcow2', sha512 }) });
  assert.equal((await project.build()).outcomes, 'base built, 10_app built');
  project.write(yaml({ url: '/base.qcow2', checksums: '/SHA512SUMS' }));
  for (const _ of [1, 2]) assert.equal((await project.build()).outcomes, 'base fresh, 10_app fresh');
  assert.deepEqual(requests, ['/base.qcow2', '/SHA512SUMS']);
  const again = await project.build(['--force=base']);
  assert.equal(again.outcomes, 'base fresh, 10_app fresh', again.told);
  assert.equal(requests.length, 3);
});

test('signatures: detached and inside, keyrings binary and armored', async (t) => {
  for (const list of [
    { checksums: '/SHA512SUMS', signature: 'SHA512SUMS.asc', keyring: 'distribution.gpg' },
    { checksums: 'SHA512SUMS', signature: 'SHA512SUMS.sig', keyring: 'distribution.asc' },
    { checksums: '/CHECKSUM.signed', keyring: 'distribution.asc' },
  ]) {
    await t.test(Object.values(list).join(', '), async () => {
      await using project = new TestProject({ ...APP, ...yaml({ url: '/base.qcow2', ...list }) });
      const built = await project.build();
      assert.equal(built.outcomes, 'base built, 10_app built', built.told);
    });
  }
});

test('what is not signed, or not as it was signed, is not used', async (t) => {
  // Appended behind the signed part, where gpgv allows it.
  images.run('cp', 'CHECKSUM.signed', 'CHECKSUM.appended');
  appendFileSync(
    images.path('CHECKSUM.appended'),
    `\nSHA256 (other.qcow2) = ${digest('sha256', 'other.qcow2')}\n`,
  );
  images.run('cp', 'SHA512SUMS', 'SHA512SUMS.changed');
  appendFileSync(images.path('SHA512SUMS.changed'), '\n');
  gpg('-u', 'stranger', '--output', 'SHA512SUMS.stranger', '--detach-sign', 'SHA512SUMS');
  const signature = 'SHA512SUMS.sig';
  const keyring = 'distribution.gpg';
  for (const [image, list, says] of [
    ['base', { checksums: 'SHA512SUMS', signature, keyring: 'stranger.gpg' }, /the signature is not valid/],
    [
      'base',
      { checksums: 'SHA512SUMS', signature: 'SHA512SUMS.stranger', keyring },
      /the signature is not valid/,
    ],
    ['base', { checksums: 'SHA512SUMS.changed', signature, keyring }, /the signature is not valid/],
    [
      'base',
      { checksums: 'SHA512SUMS', signature: 'CHECKSUM.signed', keyring },
      /the signature is not valid/,
    ],
    ['base', { checksums: 'CHECKSUM', keyring }, /the signature is not valid/],
    ['base', { checksums: 'SHA512SUMS', signature: 'SHA512SUMS', keyring }, /the signature is not valid/],
    ['base', { checksums: 'SHA512SUMS', signature, keyring: 'CHECKSUM' }, /the signature is not valid/],
    [
      'other',
      { checksums: 'CHECKSUM.appended', keyring },
      /(signature is not valid|no SHA-256 or SHA-512 of other)/,
    ],
  ] as const) {
    await t.test(`${image}: ${Object.values(list).join(', ')}`, async () => {
      requests = [];
      const url = `/${image}.qcow2`;
      await using project = new TestProject({ ...APP, ...yaml({ url, ...list }) });
      const ended = await project.vlb(['build', '--progress', 'plain']);
      assert.equal(ended.status, 2, ended.stderr);
      assert.match(ended.stderr, says);
      assert.doesNotMatch(ended.stderr, /vlb-boot-/);
      assert.deepEqual(requests, []);
    });
  }
});

test('an image that does not have the digest of the list is not used; what is new there is used on request', async () => {
  images.run('cp', 'base.qcow2', 'rolling.qcow2');
  const list = (name: string) => `${digest('sha256', name)}  rolling.qcow2\n`;
  writeFileSync(images.path('SHA256SUMS'), list('rolling.qcow2'));
  const base = yaml({ url: '/rolling.qcow2', checksums: '/SHA256SUMS' });
  await using project = new TestProject({ ...APP, ...base });
  assert.equal((await project.build()).outcomes, 'base built, 10_app built');

  images.run('cp', 'other.qcow2', 'rolling.qcow2');
  const failed = await project.build(['--force=base', '--cache-dir', project.path('empty')]);
  assert.equal(failed.status, 2, failed.told);
  const { message = '', hint = '' } = failed.finished?.failure ?? {};
  assert.match(message, /the sha256 of the base image .* is not the one in http:.*SHA256SUMS/);
  assert.match(hint, /vlb build --force=base/);
  assert.deepEqual(leftovers(project), []);

  writeFileSync(images.path('SHA256SUMS'), list('other.qcow2'));
  assert.equal((await project.build()).outcomes, 'base fresh, 10_app fresh');
  assert.equal((await project.build(['--force=base'])).outcomes, 'base built, 10_app built');
});
