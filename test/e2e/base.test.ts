// A base image from a file or a URL: checked, unpacked, imported once, and imported again only when it is another one.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { APP, BaseImages } from '../rig/base-images.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';

/** A tiny system as one flat file, packed in every way that base-formats.test.ts does not have. */
const images = new BaseImages();

before(async () => {
  await images.make('base', { size: '128M' });
  images.run('xz', '--keep', '-0', 'base.qcow2');
  images.run('gzip', '--keep', '-1', 'base.qcow2');
  images.run('zstd', '--quiet', '--keep', '-1', 'base.raw');
});
after(() => images[Symbol.dispose]());

test('a file in each form and packing', async (t) => {
  for (const name of ['base.qcow2', 'base.raw', 'base.qcow2.xz', 'base.qcow2.gz', 'base.raw.zst']) {
    await t.test(name, async () => {
      await using project = new TestProject({ ...APP, 'vlb.yaml': `base: ${images.path(name)}\n` });
      const built = await project.build();
      assert.equal(built.outcomes, 'base built, 10_app built', built.told);
      assert.equal(built.output, 'ID=tiny');
      assert.equal((await project.build()).outcomes, 'base fresh, 10_app fresh');
      assert.deepEqual(leftovers(project), []);
    });
  }
});

test('a relative path with its sha256; another content is another base', async () => {
  const sha256 = digestOf('base.qcow2');
  await using project = new TestProject({
    ...APP,
    'vlb.yaml': `base:\n  path: images/base.qcow2\n  sha256: ${sha256}\n`,
    'images/keep': '',
  });
  const file = project.path('images/base.qcow2');
  copyFileSync(images.path('base.qcow2'), file);
  assert.equal((await project.build()).outcomes, 'base built, 10_app built');

  execFileSync('qemu-io', ['-c', 'write -P 7 127M 64k', file]);
  const changed = await project.build();
  assert.equal(changed.status, 2, changed.told);
  assert.match(
    changed.finished?.failure?.message ?? '',
    /the sha256 of the base image .* is not the one in vlb\.yaml/,
  );
  assert.deepEqual(leftovers(project), []);

  const other = createHash('sha256').update(readFileSync(file)).digest('hex');
  project.write({ 'vlb.yaml': `base:\n  path: images/base.qcow2\n  sha256: ${other}\n` });
  assert.equal((await project.build()).outcomes, 'base built, 10_app built');
});

test('a URL is fetched once, and a wrong or missing one is told', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/base.qcow2.xz') return response.end(readFileSync(images.path('base.qcow2.xz')));
    if (request.url === '/short') {
      response.writeHead(200, { 'content-length': '1000000' });
      response.write('only this');
      return response.destroy();
    }
    response.writeHead(404);
    return response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server's address is one
  try {
    const sha256 = digestOf('base.qcow2.xz');
    const yaml = (name: string, sum = sha256) => ({
      'vlb.yaml': `base:\n  url: http://127.0.0.1:${port}/${name}\n  sha256: ${sum}\n`,
    });
    await using project = new TestProject({ ...APP, ...yaml('base.qcow2.xz') });
    const built = await project.build();
    assert.equal(built.outcomes, 'base built, 10_app built', built.told);
    assert.equal((await project.build()).outcomes, 'base fresh, 10_app fresh');
    assert.deepEqual(asked, ['/base.qcow2.xz']);

    for (const [name, sum, status, says] of [
      ['base.qcow2.xz', '1'.repeat(64), 2, /the sha256 of the base image .* is not the one in vlb\.yaml/],
      ['gone', '2'.repeat(64), 2, /404/],
      ['short', '3'.repeat(64), 3, /cannot download the base image/],
    ] as const) {
      project.write(yaml(name, sum));
      const failed = await project.build();
      assert.equal(failed.status, status, failed.told);
      assert.match(failed.finished?.failure?.message ?? '', says);
      assert.deepEqual(leftovers(project), []);
    }
  } finally {
    server.close();
  }
});

test('an old server, a redirect, a proxy, and an authority of this machine', async () => {
  const image = readFileSync(images.path('base.qcow2.gz'));
  const old = await listen(
    createTcpServer((socket) => {
      // As python3 -m http.server: HTTP/1.0, and the end of the connection is the end of the file.
      socket.on('error', () => {}).once('data', () => socket.end(Buffer.concat([OLD_ANSWER, image])));
    }),
  );
  const askedOfProxy: string[] = [];
  const proxy = await listen(
    createServer((request, response) => {
      askedOfProxy.push(request.url ?? '');
      response.writeHead(302, { location: `http://127.0.0.1:${old.port}/real` });
      response.end();
    }),
  );
  const [key, certificate] = [images.path('key.pem'), images.path('certificate.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const files = ['-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...subject], {
    stdio: 'ignore',
  });
  const secure = await listen(
    createSecureServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (_request, response) => {
      response.end(image);
    }),
  );
  const plain = { http_proxy: '', https_proxy: '', no_proxy: '', NODE_EXTRA_CA_CERTS: '' };
  // Without a scheme, as curl takes it.
  const through = { ...plain, http_proxy: `127.0.0.1:${proxy.port}`, no_proxy: '127.0.0.1' };
  try {
    for (const [url, env, says] of [
      [`http://127.0.0.1:${old.port}/base`, plain, undefined],
      ['http://images.invalid/base', through, undefined],
      [`https://localhost:${secure.port}/base`, { ...plain, SSL_CERT_FILE: certificate }, undefined],
      [
        `https://localhost:${secure.port}/base`,
        plain,
        /cannot establish a secure connection to localhost:\d+: self-signed/,
      ],
    ] as const) {
      await using project = new TestProject({
        ...APP,
        'vlb.yaml': `base:\n  url: ${url}\n  sha256: ${digestOf('base.qcow2.gz')}\n`,
      });
      const built = await project.build([], { env });
      if (says) assert.match(built.finished?.failure?.message ?? '', says, built.told);
      else assert.equal(built.outcomes, 'base built, 10_app built', built.told);
      assert.equal(built.status, says ? 3 : 0);
      assert.deepEqual(leftovers(project), []);
    }
    assert.deepEqual(askedOfProxy, ['http://images.invalid/base']);
  } finally {
    for (const { server } of [old, proxy, secure]) server.close();
  }
});

const OLD_ANSWER = Buffer.from('HTTP/1.0 200 OK\r\nServer: SimpleHTTP/0.6\r\n\r\n');

async function listen<S extends Server>(server: S): Promise<{ server: S; port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server's address is one
  return { server, port };
}

test('a slow download tells how far it is; interrupted, it leaves nothing', async () => {
  const image = readFileSync(images.path('base.qcow2.gz'));
  const server = await listen(
    createServer((_request, response) => {
      response.writeHead(200, { 'content-length': image.length });
      response.write(image.subarray(0, 100));
      setTimeout(() => response.write(image.subarray(100, 200)), 1200);
      setTimeout(() => response.end(image.subarray(200)), 2400);
    }),
  );
  try {
    await using project = new TestProject({
      ...APP,
      'vlb.yaml': `base:\n  url: http://127.0.0.1:${server.port}/\n  sha256: ${digestOf('base.qcow2.gz')}\n`,
    });
    const interrupted = await project.build([], {
      onStdout: (text, kill) => void (text.includes('"progress"') && kill('SIGINT')),
    });
    assert.equal(interrupted.status, 130, interrupted.told);
    assert.deepEqual(readdirSync(project.path('.vlb/store/sha256')), []);
    const built = await project.build();
    assert.equal(built.outcomes, 'base built, 10_app built', built.told);
    assert.deepEqual(
      built.events.find((event) => event.type === 'progress'),
      { type: 'progress', layer: 'base', bytes: 200, total: image.length, version: 1 },
    );
    assert.deepEqual(leftovers(project), []);
  } finally {
    server.server.closeAllConnections();
    server.server.close();
  }
});

test('a file that is cut off is refused, in each form and packing, and nothing is left of it', async (t) => {
  for (const [name, bytes, says] of [
    ['base.qcow2', 1_000_000, /is truncated or damaged: it refers to data beyond its end/],
    ['base.qcow2', 50, /is truncated or damaged: .*header too short/],
    ['base.qcow2', 0, /is truncated or damaged: it is empty/],
    ['base.qcow2.xz', 10_000, /is truncated or damaged: Unexpected end of input/],
    ['base.qcow2.gz', 10_000, /is truncated or damaged: unexpected end of file/],
    ['base.raw.zst', 10_000, /is truncated or damaged: unexpected end of file/],
  ] as const) {
    await t.test(`${name} after ${bytes} bytes`, async () => {
      await using project = new TestProject({ ...APP, 'vlb.yaml': `base: ${name}\n` });
      writeFileSync(project.path(name), readFileSync(images.path(name)).subarray(0, bytes));
      const ended = await project.vlb(['build', '--progress', 'plain']);
      assert.equal(ended.status, 2, ended.stderr);
      assert.match(ended.stderr, says);
      assert.doesNotMatch(ended.stderr, /\.mjs|\.tmp-/);
      assert.deepEqual(readdirSync(project.path('.vlb/store/sha256')), []);
      assert.deepEqual(leftovers(project), []);
    });
  }
});

function digestOf(name: string): string {
  return createHash('sha256')
    .update(readFileSync(images.path(name)))
    .digest('hex');
}
