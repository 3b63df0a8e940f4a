// Downloads from servers that are old, slow, wrong or gone: what comes, and what is told.

import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { DownloadError, download } from '../../../../src/kinds/base/download.ts';
import type { Failure } from '../../../../src/model/failure.ts';
import { withoutPassword } from '../../../../src/util/shown-path.ts';
import { failureIn, valueIn } from '../../../rig/tree.ts';

/** A server that answers each path with these very bytes. */
class Web implements AsyncDisposable {
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async open(answers: Readonly<Record<string, string>>): Promise<Web> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('data', (head) => {
        const path = head.toString().split(' ')[1] ?? '';
        const answer = answers[path] ?? 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n';
        socket.write(answer);
        if (!path.startsWith('/silent')) socket.end();
      });
    });
    server.on('close', () => sockets.forEach((socket) => void socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(typeof address === 'object' && address);
    return new Web(server, address.port);
  }

  url(path: string): string {
    return `http://user:pass%20word@127.0.0.1:${this.port}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.emit('close');
    });
  }
}

const to = (path: string) => `HTTP/1.1 302 Found\r\nLocation: ${path}\r\nContent-Length: 0\r\n\r\n`;

const fetched = async (url: string, told: (number | undefined)[][] = []) =>
  download(url, {
    signal: new AbortController().signal,
    onProgress: (...progress) => told.push(progress),
    variables: {},
    silentMilliseconds: 200,
  });

/** What comes while the bytes are read. */
async function broken(url: string): Promise<Failure> {
  const body = valueIn(await fetched(url));
  const error = await text(body).then(
    () => assert.fail('all of it came'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof DownloadError, String(error));
  return error.failure;
}

describe('a download', () => {
  test('works over HTTP/1.0 without a length, as python3 -m http.server has it, and over HTTP/1.1', async () => {
    await using web = await Web.open({
      '/old': 'HTTP/1.0 200 OK\r\nServer: SimpleHTTP\r\n\r\nall of it',
      '/new': 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall of it',
    });
    const told: (number | undefined)[][] = [];
    assert.equal(await text(valueIn(await fetched(web.url('/old'), told))), 'all of it');
    assert.equal(await text(valueIn(await fetched(web.url('/new'), told))), 'all of it');
    assert.deepEqual(told, [
      [9, undefined],
      [9, 9],
    ]);
  });

  test('follows ten redirects, relative ones too, and not eleven', async () => {
    const answers = Object.fromEntries(
      Array.from({ length: 11 }, (_, index) => [`/hop${index}`, to(`hop${index + 1}`)]),
    );
    await using web = await Web.open({ ...answers, '/hop11': 'HTTP/1.0 200 OK\r\n\r\nend' });
    assert.equal(await text(valueIn(await fetched(web.url('/hop1')))), 'end');
    assert.match(failureIn(await fetched(web.url('/hop0'))).message, /redirects more than 10 times/);
  });

  test('that is cut off, or stands still, says so with what came', async () => {
    await using web = await Web.open({
      '/short': 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this',
      '/old-short': 'HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nonly this',
      '/silent-body': 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this',
      '/silent': '',
    });
    for (const path of ['/short', '/old-short']) {
      const failure = await broken(web.url(path));
      assert.match(failure.message, /cut off after 9 of 1000 bytes/);
      assert.equal(failure.kind, 'host');
    }
    assert.match((await broken(web.url('/silent-body'))).message, /no data for 0\.2 s/);
    assert.match(failureIn(await fetched(web.url('/silent'))).message, /no data for 0\.2 s/);
  });

  test('that cannot be, says why, and never shows a password', async () => {
    await using web = await Web.open({
      '/nowhere': 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n',
      '/file': to('file:///etc/passwd'),
      '/busy': 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n',
      '/nonsense': 'SSH-2.0-server\r\n',
    });
    const closed = await Web.open({});
    await closed[Symbol.asyncDispose]();
    for (const [url, kind, says] of [
      [web.url('/gone'), 'usage', /404 Not Found/],
      [web.url('/busy'), 'host', /503 Service Unavailable/],
      [web.url('/nowhere'), 'host', /redirects to an invalid URL/],
      [web.url('/file'), 'host', /redirects to file:/],
      [web.url('/nonsense'), 'host', /cannot download the base image: ./],
      [closed.url('/'), 'host', new RegExp(`127\\.0\\.0\\.1:${closed.port} refused the connection`)],
      ['http://vlb.invalid/x', 'host', /cannot resolve the host name vlb\.invalid/],
      [
        web.url('/x').replace('http:', 'https:'),
        'host',
        /cannot establish a secure connection to 127\.0\.0\.1:/,
      ],
    ] as const) {
      const failure = failureIn(await fetched(url));
      assert.equal(failure.kind, kind, failure.message);
      assert.match(failure.message, says);
      assert.doesNotMatch(JSON.stringify(failure), /pass/);
    }
  });

  test('is called off by its signal', async () => {
    await using web = await Web.open({ '/silent': '' });
    const abort = new AbortController();
    const pending = download(web.url('/silent'), {
      signal: abort.signal,
      variables: {},
      onProgress: () => {},
    });
    setTimeout(() => abort.abort(), 50);
    assert.equal((await pending).ok, false);
  });
});

test('an address is shown without its user', () =>
  assert.equal(withoutPassword('https://me:secret@example.org/a?b'), 'https://example.org/a?b'));
