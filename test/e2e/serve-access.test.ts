// Who may use vlb serve, and what it refuses: each line of the table in docs/security.md.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { get as httpsGet } from 'node:https';
import { createConnection } from 'node:net';
import { hostname } from 'node:os';
import { test } from 'node:test';
import type { Job } from '../../src/serve/jobs/job.ts';
import { attempt } from '../../src/util/errors.ts';
import { TestProject } from '../rig/project.ts';
import { type Asking, Serving } from '../rig/serving.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer('sleep 600'),
};

interface Described {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly security?: readonly unknown[] }>>>
  >;
}

/** Every route that the server describes: a method, and a path with words in the place of names. */
async function everyRoute(
  server: Serving,
): Promise<readonly { method: string; path: string; open: boolean }[]> {
  const { paths } = (await server.ask('/api/openapi.json')).json<Described>();
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, 'x'),
      open: security?.length === 0,
    })),
  );
}

test('without the token, nothing is answered but the page', async () => {
  await using project = new TestProject(FILES);
  await using server = await Serving.start(project);
  const routes = await everyRoute(server);
  assert.ok(routes.length >= 18, 'these are the routes');
  const closed = routes.filter(({ open }) => !open);
  assert.deepEqual(
    routes.filter(({ open }) => open).map(({ method, path }) => `${method} ${path}`),
    ['POST /api/session', 'DELETE /api/session'],
  );
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { cookie: `vlb-${server.url.port}=wrong` }]) {
    for (const { method, path } of [
      ...closed,
      { method: 'GET', path: '/api/openapi.json' },
      { method: 'GET', path: '/x' },
    ]) {
      const { status, text } = await server.ask(path, { method, headers, anonymous: true });
      assert.equal(status, 401, `${method} ${path}: ${text}`);
    }
  }
  const page = await server.ask('/', { anonymous: true });
  assert.equal(page.status, 200);
  assert.ok(!page.text.includes(server.token));
});

test('the token is exchanged for a cookie that scripts and other sites cannot use', async () => {
  await using project = new TestProject(FILES);
  await using server = await Serving.start(project);
  const own = { origin: server.url.origin };
  const login = (token: string) =>
    server.ask('/api/session', { method: 'POST', body: { token }, headers: own, anonymous: true });
  assert.equal((await login('wrong')).status, 401);
  const { status, headers } = await login(server.token);
  assert.equal(status, 200);
  const [line = ''] = headers['set-cookie'] ?? [];
  assert.match(line, /^vlb-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
  assert.ok(!line.includes(server.token));
  const [cookie = ''] = line.split(';');
  const ask = (path: string, more: Asking) =>
    server.ask(path, { ...more, anonymous: true, headers: { cookie, ...more.headers } });
  assert.equal((await ask('/api/jobs', {})).status, 200);

  // Another site that makes a browser send the cookie: by fetch(), by a form, by a page that does not say where it is from.
  const build = { method: 'POST', body: {} };
  const refused: readonly (readonly [Readonly<Record<string, string>>, number])[] = [
    [{}, 403],
    [{ origin: 'https://example.org' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: `http://127.0.0.1:${Number(server.url.port) + 1}` }, 403],
    [{ origin: `https://${server.url.host}` }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ ...own, 'sec-fetch-site': 'cross-site' }, 403],
    [{ ...own, 'content-type': 'text/plain' }, 415],
    [{ ...own, 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ];
  for (const [headers, wanted] of refused) {
    assert.equal((await ask('/api/builds', { ...build, headers })).status, wanted, JSON.stringify(headers));
  }
  for (const path of ['/api/jobs/x/cancel', '/api/store/gc', '/api/store/verify']) {
    assert.equal((await ask(path, { method: 'POST' })).status, 403, path);
  }
  assert.equal((await ask('/api/overview', { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403);
  const preflight = await ask('/api/builds', {
    method: 'OPTIONS',
    headers: { origin: 'https://example.org' },
  });
  assert.ok(preflight.status >= 400);
  assert.deepEqual(
    Object.keys(preflight.headers).filter((name) => name.startsWith('access-control')),
    [],
  );
  assert.deepEqual((await ask('/api/jobs', {})).json<unknown>(), [], 'nothing was begun');

  assert.equal((await ask('/api/builds', { ...build, headers: own })).status, 202);
  const out = await ask('/api/session', { method: 'DELETE', headers: own });
  assert.match(out.headers['set-cookie']?.[0] ?? '', /^vlb-\d+=; .*Max-Age=0$/);
});

test('a name that leads here is not enough: the header Host has to name this server', async () => {
  await using project = new TestProject(FILES);
  await using server = await Serving.start(project);
  const { port } = server.url;
  for (const host of [
    'rebound.example.org',
    `rebound.example.org:${port}`,
    '127.0.0.1',
    '127.0.0.1:1',
    `10.0.0.1:${port}`,
    'x',
  ]) {
    for (const path of ['/', '/api/overview', '/nothing']) {
      const headers = { host, origin: `http://${host}` };
      assert.equal((await server.ask(path, { headers })).status, 421, `${host}${path}`);
    }
  }
  for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`, `127.0.0.1:${port}`]) {
    assert.equal((await server.ask('/api/jobs', { headers: { host } })).status, 200, host);
  }
  assert.match(await raw(Number(port), 'GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(await raw(Number(port), 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.[01] 400 /);
});

/** Sends bytes, and returns all that is answered. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = createConnection(port, '127.0.0.1', () => socket.end(text));
    socket.setEncoding('utf8').on('data', (more: string) => {
      answer += more;
    });
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

test('every answer has headers that keep browsers from running, framing or guessing anything', async () => {
  await using project = new TestProject(FILES);
  await using server = await Serving.start(project);
  for (const path of ['/', '/api/overview', '/api/layers/x/log', '/nothing']) {
    const { headers } = await server.ask(path);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe-eval|\*|script-src[^;]*unsafe/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.equal(headers['cache-control'], path === '/' ? 'no-cache' : 'no-store');
  }
});

test('--read-only refuses every route that writes, and offers the others', async () => {
  await using project = new TestProject(FILES);
  await using server = await Serving.start(project, ['--read-only']);
  const routes = await everyRoute(server);
  // A preview of files has a body, and writes nothing.
  const writing = routes.filter(
    ({ method, path, open }) => method !== 'GET' && !open && path !== '/api/machines/preview',
  );
  assert.ok(writing.length >= 6);
  for (const { method, path } of writing) {
    const { status, text } = await server.ask(path, { method, body: {} });
    assert.equal(status, 403, `${method} ${path}: ${text}`);
    assert.match(text, /--read-only/);
  }
  assert.equal((await server.ask('/api/overview')).json<{ readOnly: boolean }>().readOnly, true);
  assert.ok(!existsSync(project.path('build')));
});

test('bodies, fields and the queue have limits', async () => {
  await using project = new TestProject(FILES);
  await using server = await Serving.start(project);
  const build = (body: unknown) => server.ask('/api/builds', { method: 'POST', body });
  assert.equal((await build({ targets: ['x'.repeat(70_000)] })).status, 413);
  assert.equal((await build({ targets: Array(101).fill('x') })).status, 400);
  assert.equal((await build({ targets: 'x' })).status, 400);
  assert.match((await build({ target: [] })).text, /body: target/);
  assert.equal((await build([])).status, 400);
  const text = await server.ask('/api/builds', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(text.status, 400);
  for (let count = 0; count < 21; count++) assert.equal((await build({})).status, 202);
  const last = await build({});
  assert.equal(last.status, 400);
  assert.match(last.text, /20 jobs are waiting/);
});

/** The files below a directory that a server has open. */
function openFiles({ child }: Serving, directory: string): readonly string[] {
  const descriptors = `/proc/${child.pid}/fd`;
  return readdirSync(descriptors)
    .map((name) => attempt(() => readlinkSync(`${descriptors}/${name}`)) ?? '')
    .filter((file) => file.startsWith(directory));
}

test('nothing outside of the exports can be downloaded', async () => {
  await using project = new TestProject(FILES);
  const directory = project.path('build/export/box/qcow2');
  mkdirSync(`${directory}/sub`, { recursive: true });
  writeFileSync(project.path('secret'), 'secret');
  writeFileSync(`${directory}/good`, 'good');
  writeFileSync(`${directory}/unlisted`, 'secret');
  symlinkSync(project.path('secret'), `${directory}/link`);
  symlinkSync(project.directory, `${directory}/above`);
  symlinkSync(project.path('build/export/box'), project.path('build/export/linked'));
  const file = (name: string) => ({ name, size: name === 'good' ? 4 : 6, sha256: '0'.repeat(64) });
  const manifest = { machine: 'box', format: 'qcow2', key: 'k', vlb: '1', git: null, disks: [] };
  const list = (...names: readonly string[]) =>
    writeFileSync(`${directory}/manifest.json`, JSON.stringify({ ...manifest, files: names.map(file) }));
  await using server = await Serving.start(project);
  list('good', 'link', 'above/secret', 'sub');
  const get = (name: string) => server.ask(`/api/exports/${name}`);
  assert.equal((await get('box/qcow2/good')).text, 'good');
  const head = await server.ask('/api/exports/box/qcow2/good', { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '4', '']);
  assert.deepEqual(openFiles(server, directory), [], 'none is left open');
  for (const name of [
    'box/qcow2/unlisted',
    'box/qcow2/manifest.json',
    'box/qcow2/link',
    'box/qcow2/above/secret',
    'box/qcow2/sub',
    'box/qcow2/',
    'linked/qcow2/good',
    'box/qcow2/../../../../secret',
    'box/qcow2/..%2f..%2f..%2f..%2fsecret',
    'box/qcow2/%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret',
    'box/qcow2/..%5c..%5csecret',
    'box/qcow2/good%00',
    'box/qcow2/%252e%252e%252fsecret',
    'box/qcow2/%ff',
    '..%2f..%2fx/qcow2/good',
    './box/qcow2//good',
    '%2fetc/qcow2/passwd',
  ]) {
    const { status, text } = await get(name);
    assert.equal(status, 404, `${name}: ${text}`);
    assert.ok(!text.includes('"secret"') && text !== 'secret', name);
  }
  // A manifest that leads out is not one.
  list('../../../secret');
  assert.deepEqual((await server.ask('/api/exports')).json<unknown>(), []);
  assert.equal((await get('box/qcow2/../../../secret')).status, 404);
});

test('the token is in a file that only its owner can read, and stays the same', async () => {
  await using project = new TestProject(FILES);
  const file = project.path('.vlb/serve/token');
  {
    await using server = await Serving.start(project);
    assert.equal(readFileSync(file, 'utf8').trim(), server.token);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(project.path('.vlb/serve')).mode & 0o777, 0o700);
    const { json } = await server.ask('/api/builds', { method: 'POST', body: { targets: ['no'] } });
    const { id } = await server.until(json<Job>().id, 'failed');
    assert.equal(statSync(project.path(`.vlb/serve/jobs/${id}.events`)).mode & 0o777, 0o600);
  }
  chmodSync(file, 0o640);
  const readable = await project.vlb(['serve', '--port', '0']);
  assert.equal(readable.status, 3);
  assert.match(readable.stderr, /other users can read or change the token\n.*chmod 600/s);
  const own = project.path('own-token');
  writeFileSync(own, 'short\n', { mode: 0o600 });
  const short = await project.vlb(['serve', '--port', '0', '--token-file', 'own-token']);
  assert.equal(short.status, 2);
  assert.match(short.stderr, /the token is too short/);
  writeFileSync(own, 'abcdefghijklmnopqrstuvwxyz\n');
  await using server = await Serving.start(project, ['--token-file', 'own-token']);
  assert.equal(server.token, 'abcdefghijklmnopqrstuvwxyz');
  const processes = execFileSync('ps', ['-ef'], { encoding: 'utf8' });
  assert.ok(!processes.includes(server.token));
});

test('a network is reached through TLS only, unless that is asked for', async () => {
  await using project = new TestProject(FILES);
  const refused = await project.vlb(['serve', '--port', '0', '--host', '0.0.0.0']);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /unencrypted\n.*--tls-cert and --tls-key, or --insecure/s);
  const half = await project.vlb(['serve', '--port', '0', '--tls-cert', 'cert.pem']);
  assert.match(half.stderr, /give both --tls-cert and --tls-key/);
  const missing = await project.vlb(['serve', '--port', '0', '--tls-cert', 'no.pem', '--tls-key', 'no.pem']);
  assert.equal(missing.status, 3);
  project.write({ 'no.pem': 'neither\n' });
  const wrong = await project.vlb(['serve', '--port', '0', '--tls-cert', 'no.pem', '--tls-key', 'no.pem']);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /not a certificate with its key[\s\S]* at no\.pem/);
  {
    await using server = await Serving.start(project, ['--host', '0.0.0.0', '--insecure']);
    const { port } = server.url;
    const ask = (host: string) => server.ask('/api/jobs', { headers: { host } });
    assert.equal((await ask(`${hostname()}:${port}`)).status, 200);
    assert.equal((await ask(`192.0.2.1:${port}`)).status, 200, 'an address is no name that can be rebound');
    assert.equal((await ask(`[2001:db8::1]:${port}`)).status, 200);
    assert.equal((await ask(`rebound.example.org:${port}`)).status, 421);
    assert.equal((await ask('192.0.2.1')).status, 421);
  }
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=localhost',
    ].concat([
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'],
      ...['-keyout', 'key.pem', '-out', 'cert.pem'],
    ]),
    { cwd: project.directory, stdio: 'ignore' },
  );
  await using server = await Serving.start(project, [
    ...['--host', '0.0.0.0', '--tls-cert', 'cert.pem', '--tls-key', 'key.pem'],
  ]);
  assert.equal(server.url.protocol, 'https:');
  const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: server.url.port,
      path: '/api/jobs',
      ca: readFileSync(project.path('cert.pem')),
      headers: server.authorization,
      agent: false,
    };
    httpsGet(options, (message) => {
      message.resume();
      resolve({ ...message.headers, status: message.statusCode });
    }).on('error', reject);
  });
  assert.equal(headers['status'], 200);
  assert.equal(headers['strict-transport-security'], undefined, 'it would rule all ports of the host');
});

test('behind a proxy, the header that it sets names the user; a browser says that the page is its own', async () => {
  await using project = new TestProject(FILES);
  await using server = await Serving.start(project, ['--trust-header', 'X-Remote-User']);
  const ask = (path: string, headers: Record<string, string>, more: Asking = {}) =>
    server.ask(path, { ...more, anonymous: true, headers });
  assert.equal((await ask('/api/jobs', {})).status, 401);
  assert.equal((await ask('/api/jobs', { 'x-remote-user': '' })).status, 401);
  const ann = { 'x-remote-user': 'ann' };
  assert.equal((await ask('/api/session', ann)).json<{ user: string }>().user, 'ann');
  const build = { method: 'POST', body: { targets: ['no'] } };
  const elsewhere = { ...ann, origin: 'https://builds.example.org' };
  assert.equal((await ask('/api/builds', elsewhere, build)).status, 403);
  assert.equal(
    (await ask('/api/builds', { ...elsewhere, 'sec-fetch-site': 'cross-site' }, build)).status,
    403,
  );
  const own = await ask('/api/builds', { ...elsewhere, 'sec-fetch-site': 'same-origin' }, build);
  assert.equal(own.json<Job>().user, 'ann');
  assert.equal((await ask('/api/jobs', { ...ann, host: 'builds.example.org' })).status, 421);
  await using other = await Serving.start(project);
  assert.equal((await other.ask('/api/jobs', { anonymous: true, headers: ann })).status, 401);
});
