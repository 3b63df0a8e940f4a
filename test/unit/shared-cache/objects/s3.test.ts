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

test('a server whose clock is another is asked again, with its time', async () => {
  const HOUR = 3_600_000;
  let [offset, asked] = [0, 0];
  const server = createServer((request, response) => {
    asked++;
    const [, year, month, day, hour, minute, second] =
      /^(....)(..)(..)T(..)(..)(..)Z$/.exec(String(request.headers['x-amz-date'])) ?? [];
    const signed = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
    const now = Date.now() + offset;
    const isSkewed = Math.abs(signed - now) > 15 * 60_000;
    const isAllowed = !request.url?.includes('forbidden');
    response.setHeader('date', new Date(now).toUTCString());
    response.writeHead(isSkewed || !isAllowed ? 403 : 200, { etag: '"tag"' });
    const code = isSkewed ? 'RequestTimeTooSkewed' : 'AccessDenied';
    response.end(
      request.method === 'HEAD' || (!isSkewed && isAllowed)
        ? ''
        : `<Error><Code>${code}</Code><Message>no</Message></Error>`,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
  Object.assign(process.env, keys);
  const open = () =>
    openS3({
      bucket: 'b',
      prefix: '',
      endpoint: `http://127.0.0.1:${port}`,
      region: undefined,
      pathStyle: true,
      connectWithin: 5000,
      silentFor: 5000,
    });
  try {
    for (const first of [HOUR, -HOUR]) {
      const store = open();
      offset = first;
      assert.ok((await store.head('x', signal)).ok, 'the answer to a HEAD does not say why');
      asked = 0;
      assert.ok((await store.put('x', Buffer.from('bytes'), 'absent', signal)).ok);
      assert.equal(asked, 1, 'the offset is kept');
      // One of the clocks is set right, or wrong, in the middle.
      for (const then of [0, 25 * HOUR]) {
        offset = then;
        const all = await Promise.all(
          [1, 2, 3, 4].map((name) => store.put(String(name), Buffer.from('b'), 'absent', signal)),
        );
        assert.deepEqual(
          all.map(({ ok }) => ok),
          [true, true, true, true],
          `from ${first} to ${then}`,
        );
      }
      store.close();
    }
    // What is refused for another reason is refused at once.
    const store = open();
    offset = 0;
    asked = 0;
    const refused = await store.head('forbidden', signal);
    assert.equal(refused.ok ? '' : refused.error.kind, 'refused');
    assert.equal(asked, 1);
    store.close();
  } finally {
    for (const name of Object.keys(keys)) delete process.env[name];
    server.close();
    server.closeAllConnections();
  }
});
