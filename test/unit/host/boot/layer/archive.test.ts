// What a guest is sent, as the tar of a guest reads it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { LONGEST_NAME, sendArchive } from '../../../../../src/host/boot/layer/archive.ts';
import { Tree, valueIn } from '../../../../rig/tree.ts';

test('small files and a directory arrive as they are, and belong to root', async () => {
  using tree = new Tree();
  const directory = tree.path('inputs/0');
  mkdirSync(path.join(directory, 'sub dir'), { recursive: true });
  writeFileSync(path.join(directory, 'boot-layer'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(path.join(directory, 'sub dir', 'ü'), Buffer.alloc(3_000_000, 7));
  symlinkSync('../0/nowhere', path.join(directory, 'link'));
  const long = `secrets/${'s'.repeat(LONGEST_NAME - 'secrets/'.length)}`;
  const files = [
    { name: 'run', content: Buffer.from('echo\n') },
    { name: 'empty', content: Buffer.alloc(0) },
    { name: long, content: Buffer.from([0, 255, 10, 0]) },
    { name: 'block', content: Buffer.alloc(512, 1) },
  ];
  const sent = await through((socket) => sendArchive(socket, files, directory));
  const archive = tree.path('archive.tar');
  writeFileSync(archive, sent);
  const out = tree.path('out');
  mkdirSync(path.join(out, 'secrets'), { recursive: true });
  execFileSync('tar', ['-xf', archive, '-C', out]);
  for (const { name, content } of files) assert.deepEqual(readFileSync(path.join(out, name)), content, name);
  assert.deepEqual(readdirSync(path.join(out, '0')).toSorted(), ['boot-layer', 'link', 'sub dir']);
  assert.equal(readFileSync(path.join(out, '0/sub dir/ü')).length, 3_000_000);
  const listed = execFileSync('tar', ['--numeric-owner', '-tvf', archive], { encoding: 'utf8' });
  for (const line of listed.trimEnd().split('\n')) assert.match(line, / 0\/0 /);
  assert.match(listed, /^-r-------- .* secrets\/s+$/m);
  assert.match(listed, /^-rwxr-xr-x .* 0\/boot-layer$/m);
  assert.match(listed, / 0\/link -> \.\.\/0\/nowhere$/m);
});

/** What comes out at the other end of a connection. */
async function through(send: (socket: Socket) => ReturnType<typeof sendArchive>): Promise<Buffer> {
  using tree = new Tree();
  const chunks: Buffer[] = [];
  const server = createServer((socket) => void send(socket).then(valueIn));
  await new Promise<void>((resolve) => server.listen(tree.path('socket'), resolve));
  const { connect } = await import('node:net');
  const socket = connect(tree.path('socket'));
  for await (const chunk of socket) chunks.push(chunk);
  server.close();
  return Buffer.concat(chunks);
}
