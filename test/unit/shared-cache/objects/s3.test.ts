// What of S3 no server that the other tests have does: a small one of their own answers here.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openS3 } from '../../../../src/shared-cache/objects/s3.ts';

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
