// Traces: nested actions, two at once, and what is never in one.

import assert from 'node:assert/strict';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../../src/host/process/run.ts';
import { traceAction, traceNote } from '../../../src/util/trace.ts';
import { traceToFile, urlOf } from '../../../src/util/trace-file.ts';
import { Tree, valueIn } from '../../rig/tree.ts';

interface Line {
  readonly event: string;
  readonly [field: string]: unknown;
}

function linesOf(tree: Tree, name: string): readonly Line[] {
  return tree
    .read(name)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('without a trace nothing happens', () => {
  traceNote('x', {});
  traceAction('x', {})({});
});

test('lines have a time; the end of an action has its id and how long it took', async () => {
  using tree = new Tree();
  await traceToFile(tree.path('t'), { argv: ['plan'] }, async () => {
    const ended = traceAction('work', { on: 'it' });
    await sleep(5);
    ended({ status: 0 });
  });
  const [first, begun, ended, ...more] = linesOf(tree, 't');
  assert.deepEqual([first?.event, first?.['version'], first?.['argv']], ['trace', 1, ['plan']]);
  assert.deepEqual([begun?.event, begun?.['on']], ['work', 'it']);
  assert.deepEqual([ended?.event, ended?.['id'], ended?.['status']], ['work-ended', begun?.['id'], 0]);
  assert.ok(Number(ended?.['took']) >= 4 && Number(ended?.['ms']) >= Number(begun?.['ms']));
  assert.deepEqual(more, []);
});

test('commands: arguments, directory and end, and neither input nor environment', async () => {
  using tree = new Tree();
  await traceToFile(tree.path('t'), {}, async () => {
    await run('sh', ['-c', 'exit 3'], {
      cwd: tree.directory,
      env: { HIDDEN: 'hidden-1' },
      input: 'hidden-2',
    });
    await run('no-such-tool', []);
  });
  const [, begun, ended, missing, notFound] = linesOf(tree, 't');
  assert.deepEqual([begun?.['argv'], begun?.['cwd']], [['sh', '-c', 'exit 3'], tree.directory]);
  assert.deepEqual([ended?.event, ended?.['status']], ['command-ended', 3]);
  assert.deepEqual(missing?.['argv'], ['no-such-tool']);
  assert.equal(notFound?.['error'], 'ENOENT');
  assert.doesNotMatch(tree.read('t'), /hidden/i);
});

test('two at once are apart', async () => {
  using tree = new Tree();
  const traced = (name: string) =>
    traceToFile(tree.path(name), {}, async () => {
      await sleep(2);
      valueIn(await run('true', [name]));
    });
  await Promise.all([traced('one'), traced('two')]);
  for (const name of ['one', 'two']) {
    assert.deepEqual(
      linesOf(tree, name).flatMap(({ argv }) => (argv === undefined ? [] : [argv])),
      [['true', name]],
    );
  }
});

test('requests over HTTP: method, address and status', async () => {
  using tree = new Tree();
  const server = createServer((_request, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // of a TCP server it is one
  await traceToFile(tree.path('t'), {}, async () => {
    await new Promise((resolve) => {
      get(`http://user:pass@127.0.0.1:${port}/a?X-Signature=hidden`, (response) =>
        response.resume().on('end', resolve),
      );
    });
    await new Promise((resolve) => get('http://127.0.0.1:1/', { timeout: 1000 }).on('error', resolve));
  });
  server.close();
  const [, request, response, refused, failed] = linesOf(tree, 't');
  assert.deepEqual(
    [request?.['method'], request?.['url']],
    ['GET', `http://127.0.0.1:${port}/a?X-Signature`],
  );
  assert.deepEqual([response?.event, response?.['status']], ['http-ended', 404]);
  assert.equal(refused?.event, 'http');
  assert.match(String(failed?.['error']), /ECONNREFUSED/);
  assert.doesNotMatch(tree.read('t'), /pass|hidden/);
});

test('an address through a proxy', () => {
  assert.equal(
    urlOf({ protocol: 'http:', host: 'proxy', path: 'http://user:pass@example.org/x?token=1&more' }),
    'http://example.org/x?token&more',
  );
});

test('a file that cannot be opened is an error; one that cannot be written ends the trace alone', async () => {
  using tree = new Tree();
  await assert.rejects(
    traceToFile(tree.path('no', 'such'), {}, async () => {}),
    { syscall: 'open' },
  );
  assert.equal(await traceToFile('/dev/full', {}, async () => 'done'), 'done');
});
