// vlb init --builder: a machine boots, prints where its page is, and builds and exports an image through that.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { Job } from '../../src/serve/jobs/job.ts';
import { startWithBase } from '../rig/base-store.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject, VLB } from '../rig/project.ts';
import { buildLayer } from '../rig/tiny.ts';

/** A project in place of the one with a Debian, which would take long in a machine in a machine. */
const TINY = buildLayer(`cd /srv/images
rm -r layers test-boot
mkdir -p layers/10_tiny
printf 'machines:\\n  tiny: { disks: [{ image: 10_tiny }], exports: [raw] }\\n' > vlb.yaml
cat > layers/10_tiny/modify-disk <<'SCRIPT'
#!/bin/sh
# vlb: from scratch
# vlb: disk-size 64M
set -eu
mkfs.ext4 -q "$3"
mount "$3" /mnt
head -c 4M /dev/urandom > /mnt/content
umount /mnt
SCRIPT
chmod 755 layers/10_tiny/modify-disk`);

test('a builder boots, and builds, exports and gives away an image', { timeout: 600_000 }, async () => {
  await using project = new TestProject({});
  const made = await project.vlb(['init', '--builder', '--size', '4G']);
  assert.equal(made.status, 0, made.stderr);
  assert.equal(made.stdout, 'layers/10_base\nlayers/20_builder\ntest-boot/user-data\n.gitignore\n');
  project.write({ 'layers/30_tiny/build-layer': TINY });
  await startWithBase(project);
  const built = await project.build();
  assert.equal(built.outcomes, '10_base restored, 20_builder built, 30_tiny built', built.told);

  const port = await freePort();
  const boot = spawn(VLB, ['test-boot', '--memory', '1G', '--forward', `${port}:8443`], {
    cwd: project.directory,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(boot, 'exit');
  try {
    const { token, fingerprint } = await announced(boot.stdout);
    const ask = (path: string, body?: unknown) => askAt(port, path, token, fingerprint, body);
    const refused = await askAt(port, '/api/overview', `${token}x`, fingerprint);
    assert.equal(refused.statusCode, 401);
    const done = async (path: string, body: unknown) => {
      const { id } = await json<Job>(await ask(path, body));
      for (;;) {
        const job = await json<Job>(await ask(`/api/jobs/${id}`));
        if (job.state !== 'waiting' && job.state !== 'running') return job;
        await sleep(500);
      }
    };
    const job = await done('/api/builds', { targets: ['10_tiny'] });
    assert.equal(job.state, 'done', JSON.stringify(job));
    const exported = await done('/api/exports', { names: ['tiny'], formats: ['raw'] });
    assert.equal(exported.state, 'done', JSON.stringify(exported));
    const file = await ask('/api/exports/tiny/raw/tiny.raw');
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const piece of file) {
      hash.update(piece);
      bytes += piece.length;
    }
    assert.equal(bytes, 64 * 2 ** 20);
    assert.equal(file.headers['repr-digest'], `sha-256=:${hash.digest('base64')}:`);
  } finally {
    boot.kill('SIGINT');
    await ended;
  }
  assert.deepEqual(leftovers(project), []);
});

/** What the console says of the server. */
async function announced(console: NodeJS.ReadableStream): Promise<{ token: string; fingerprint: string }> {
  let text = '';
  for await (const piece of console) {
    text += String(piece);
    const [, token, fingerprint] =
      /^vlb serve: https:\/\/10\.0\.2\.15:8443\/#token=(\S+)\r+\nvlb serve: certificate .*Fingerprint=(\S+)\r/m.exec(
        text,
      ) ?? [];
    if (token !== undefined && fingerprint !== undefined) return { token, fingerprint };
  }
  assert.fail(`the machine ended:\n${text.slice(-4000)}`);
}

/** Asks the server for what it would be asked at its own port, which a test cannot be sure to have. */
function askAt(
  port: number,
  path: string,
  token: string,
  fingerprint: string,
  body?: unknown,
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, path, agent: false },
        method: text === undefined ? 'GET' : 'POST',
        // Its certificate is its own: the fingerprint is compared.
        rejectUnauthorized: false,
        headers: {
          host: '127.0.0.1:8443',
          authorization: `Bearer ${token}`,
          ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        },
      },
      (message) => {
        const { fingerprint256 } = (message.socket as TLSSocket).getPeerCertificate(); // that of https
        if (fingerprint256 === fingerprint) resolve(message);
        else reject(new Error(`another certificate: ${fingerprint256}`));
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}

async function json<T>(message: IncomingMessage): Promise<T> {
  let text = '';
  for await (const piece of message) text += String(piece);
  assert.ok((message.statusCode ?? 0) < 300, text);
  return JSON.parse(text);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
