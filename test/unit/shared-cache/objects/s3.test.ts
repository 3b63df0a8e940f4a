// What of S3 no server that the other tests have does: a small one of their own answers here.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openS3 } from '../../../../src/shared-cache/objects/s3.ts';
import { Tree } from '../../../rig/tree.ts';

const { signal } = new AbortController();

test('a server that takes no notice of a range, and sends all, is understood', async () => {
  const whole = Buffer.from('what was there before, and what is wanted');
  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.range);
    response.writeHead(200, { 'content-length': whole.length, etag: '"tag"' });
    // In pieces, so that the place is in the middle of one.
    for (let at = 0; at < whole.length; at += 7) response.write(whole.subarray(at, at + 7));
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
  Object.assign(process.env, keys);
  try {
    const store = openS3({
      bucket: 'b',
      prefix: '',
      endpoint: `http://127.0.0.1:${port}`,
      region: undefined,
      pathStyle: true,
      connectWithin: 1000,
      silentFor: 1000,
    });
    for (const from of [0, 3, 7, 22, whole.length - 1]) {
      const got = await store.get('x', from, undefined, signal);
      assert.ok(got.ok);
      assert.deepEqual([got.value.bytes, got.value.from], [whole.length, 0], `from ${from}`);
      assert.deepEqual(Buffer.concat(await got.value.body.toArray()), whole);
    }
    assert.deepEqual(asked.slice(0, 2), [undefined, 'bytes=3-']);
    store.close();
  } finally {
    for (const name of Object.keys(keys)) delete process.env[name];
    server.close();
    server.closeAllConnections();
  }
});

test("the authorities of AWS_CA_BUNDLE take the place of the machine's", async () => {
  using tree = new Tree();
  const [key, certificate] = [tree.path('key'), tree.path('certificate')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const files = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', ...files, ...subject], { stdio: 'ignore' });
  const pem = readFileSync(certificate, 'utf8');
  const server = createSecureServer({ key: readFileSync(key), cert: pem }, (_request, response) => {
    response.writeHead(200, { 'content-length': 1, etag: '"tag"' }).end('x');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
  Object.assign(process.env, keys);
  try {
    for (const authorities of [undefined, pem]) {
      const store = openS3({
        ...{ bucket: 'b', prefix: '', endpoint: `https://localhost:${port}`, region: undefined },
        ...{ pathStyle: true, connectWithin: 1000, silentFor: 1000 },
        ...(authorities === undefined ? {} : { authorities }),
      });
      const got = await store.get('x', 0, undefined, signal);
      assert.equal(got.ok, authorities !== undefined);
      if (got.ok) got.value.body.resume();
      store.close();
    }
  } finally {
    for (const name of Object.keys(keys)) delete process.env[name];
    server.close();
    server.closeAllConnections();
  }
});
