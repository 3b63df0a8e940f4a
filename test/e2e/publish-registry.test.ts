// vlb publish to a real registry: what was pushed is the image, and after a change of the last layer only that one is sent.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { treeIn, treeOf } from '../rig/disk-truth.ts';
import { untilClean } from '../rig/host-state.ts';
import { Built, TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const PASSWORD = 'correct horse';

/** The password above, hashed by bcrypt with the least cost. */
const HTPASSWD = 'builder:$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\n';

const CONFIG = `
machines:
  web:
    disks: [{ image: 30_page }]
    exports: [{ format: oci, tag: '1.0', cmd: [/bin/cat, /page] }]
`;

describe('vlb publish to a registry', () => {
  let project: TestProject;
  let registry: ChildProcess;
  let host = '';
  let environment: Record<string, string> = {};
  before(async () => {
    project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
      'layers/20_kept/build-layer': buildLayer('echo kept > /kept'),
      'layers/30_page/build-layer': buildLayer('cp page /page'),
      'layers/30_page/page': 'first\n',
      'vlb.yaml': CONFIG,
    });
    host = `127.0.0.1:${await freePort()}`;
    // As a user configures it who has a registry without TLS.
    mkdirSync(project.path('home/.config/containers'), { recursive: true });
    writeFileSync(
      project.path('home/.config/containers/registries.conf'),
      `[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
    );
    environment = { HOME: project.path('home'), REGISTRY_AUTH_FILE: project.path('home/auth.json') };
    registry = await startRegistry(project.path('registry'), host);
  });
  after(async () => {
    registry.kill();
    await project[Symbol.asyncDispose]();
  });

  const skopeo = (...args: readonly string[]) =>
    execFileSync('skopeo', args, {
      env: { ...process.env, ...environment },
      encoding: 'utf8',
      stdio: 'pipe',
    });
  const publish = async (to: string) =>
    new Built(await project.vlb(['publish', 'web', '--to', to, '--progress', 'json'], { env: environment }));
  /** The digests of the blobs that were sent since the last call. */
  const sent = () => {
    const log = readFileSync(project.path('registry/log'), 'utf8');
    writeFileSync(project.path('registry/log'), '');
    return [
      ...log.matchAll(/"PUT \S+\/blobs\/uploads\/\S*digest=sha256%3A([0-9a-f]+)\S* HTTP\/\S+" 201/g),
    ].map(([, digest = '']) => digest);
  };
  const manifest = (image: string) => JSON.parse(skopeo('inspect', '--raw', `docker://${image}`));
  const layersOf = (image: string): readonly string[] =>
    manifest(image).layers.map(({ digest }: { digest: string }) => digest.replace('sha256:', ''));

  test('without credentials, the failure says how to log in', async () => {
    const refused = await publish(`${host}/team/web`);
    assert.equal(refused.status, 3, refused.told);
    assert.equal(refused.finished?.failure?.hint, `log in: skopeo login ${host}`);
    assert.match(refused.told, /authentication required/);
    execFileSync('skopeo', ['login', '--username', 'builder', '--password-stdin', host], {
      env: { ...process.env, ...environment },
      input: PASSWORD,
    });
  });

  test('a pushed image is pulled again, with its tag', async () => {
    const done = await publish(`${host}/team/web`);
    assert.equal(done.status, 0, done.told);
    const { digest } = JSON.parse(
      skopeo('inspect', `docker://${host}/team/web:1.0`, '--format', '{"digest":"{{.Digest}}"}'),
    );
    assert.deepEqual(done.finished?.published, { machine: 'web', to: `${host}/team/web`, digest });
    assert.equal(sent().length, 4, 'three layers and the configuration');
    const pulled = project.path('pulled');
    skopeo('copy', '--quiet', `docker://${host}/team/web:1.0`, `oci:${pulled}:x`);
    runAsRoot('umoci', 'unpack', '--image', `${pulled}:x`, project.path('bundle'));
    const root = project.path('bundle/rootfs');
    assert.deepEqual(
      [...treeIn(root)].sort(),
      [...treeOf(project.path('build/30_page.qcow2'), project.directory)].sort(),
    );
    assert.equal(runAsRoot('chroot', root, '/bin/cat', '/page'), 'first\n');
    await untilClean(project);
  });

  test('after a change of the last layer, only that layer is sent', async () => {
    const before = layersOf(`${host}/team/web:1.0`);
    const again = await publish(`docker://${host}/team/web:1.0`);
    assert.equal(again.status, 0, again.told);
    assert.deepEqual(sent(), [], 'nothing changed');
    project.write({ 'layers/30_page/page': 'second\n' });
    const done = await publish(`${host}/team/web:2.0`);
    assert.equal(done.status, 0, done.told);
    const now = layersOf(`${host}/team/web:2.0`);
    assert.deepEqual(now.slice(0, 2), before.slice(0, 2));
    const { config } = manifest(`${host}/team/web:2.0`);
    assert.deepEqual(sent().sort(), [now[2], config.digest.replace('sha256:', '')].sort());
  });

  test('what is wrong is an error before anything is built', async () => {
    const refused = async (expected: RegExp, status: number, args: readonly string[], env = {}) => {
      const done = await project.vlb(['publish', 'web', ...args], { env: { ...environment, ...env } });
      assert.equal(done.status, status, done.stderr);
      assert.match(done.stderr, expected);
      assert.doesNotMatch(done.stderr, /building|exporting/);
    };
    project.write({ 'layers/30_page/page': 'third\n' });
    await refused(/requires --to/, 2, []);
    await refused(/not a valid name of an image/, 2, ['--to', `${host}/Web`]);
    await refused(/must not have a user or a password/, 2, ['--to', `docker://me:secret@${host}/web`]);
    await refused(/--sign is for repositories/, 2, ['--to', `${host}/web`, '--sign', 'x']);
    // Everything but skopeo.
    mkdirSync(project.path('bin'));
    execFileSync('sh', ['-c', 'ln -s /usr/bin/* /usr/sbin/* /bin/* /sbin/* . 2>/dev/null; rm skopeo'], {
      cwd: project.path('bin'),
    });
    await refused(/skopeo is not installed(.|\n)*apt-get install skopeo/, 3, ['--to', `${host}/web`], {
      PATH: project.path('bin'),
    });
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : assert.fail('no port');
}

/** A registry with one user, in a directory with its log. */
async function startRegistry(directory: string, host: string): Promise<ChildProcess> {
  mkdirSync(directory);
  const file = (name: string) => path.join(directory, name);
  writeFileSync(file('htpasswd'), HTPASSWD);
  writeFileSync(
    file('config.yml'),
    `version: 0.1
storage: { filesystem: { rootdirectory: ${file('data')} } }
http: { addr: '${host}' }
auth: { htpasswd: { realm: test, path: ${file('htpasswd')} } }
`,
  );
  const child = spawn('sh', ['-c', 'exec docker-registry serve config.yml >> log 2>&1'], { cwd: directory });
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (answer?.status === 401) return child;
    await delay(100);
  }
  return assert.fail(readFileSync(file('log'), 'utf8'));
}
