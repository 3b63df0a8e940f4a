// A script's output, its end, and its time-out.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../../../src/execute/run/job.ts';
import { logFile } from '../../../../src/execute/run/log.ts';
import { runScript } from '../../../../src/execute/run/script.ts';
import { ok, type Result } from '../../../../src/model/failure.ts';
import type { Hints } from '../../../../src/model/project.ts';
import { failureIn, layerOf, Tree, valueIn } from '../../../rig/tree.ts';
import { type FakeContext, fakeContext } from '../fake-host.ts';

type Start = (print: (text: string) => void, killed: Promise<void>) => Promise<Result<number>>;

interface Ran {
  readonly tree: Tree;
  readonly context: FakeContext;
  readonly result: Result<void>;
  readonly lines: readonly string[];
  readonly log: string;
}

/** Runs `start` as the script of layer 20_app. */
async function run(tree: Tree, start: Start, hints: Partial<Hints> = {}): Promise<Ran> {
  tree.write({ 'staged/': '', 'runs/1/': '' });
  const context = await fakeContext(tree);
  await using draft = valueIn(await context.store.draft());
  await using bench = valueIn(await context.host.openWorkbench(tree.path('runs/1')));
  const killed = Promise.withResolvers<void>();
  bench.stopScript = async () => killed.resolve();
  const staged = { manifest: [], inputs: tree.path('staged'), binds: [] };
  const layer = layerOf('20_app', { hints });
  const job: Job = {
    layer,
    lineage: { parent: undefined, mounts: [] },
    keeping: 'cached',
    replaces: false,
    secrets: [],
    caches: [],
    context,
    bench,
    draft,
    further: [],
    staged,
    directory: '/run',
  };
  const result = await runScript(job, (onOutput) =>
    start((text) => onOutput(Buffer.from(text)), killed.promise),
  );
  const lines = context.events.flatMap((event) => (event.type === 'output' ? [event.line] : []));
  return { tree, context, result, lines, log: logFile(layer.name, context.paths) };
}

function printing(text: string, status = 0): Start {
  return async (print) => {
    print(text);
    return ok(status);
  };
}

const FILE = '/project/layers/20_app/build-layer';

test('output goes to the log byte by byte, and to the events line by line', async () => {
  using tree = new Tree();
  const { result, lines, log } = await run(tree, async (print) => {
    print('one\r\ntw');
    print('o\n10%\r100%\nlast');
    return ok(0);
  });
  valueIn(result);
  assert.deepEqual(lines, ['one', 'two', '100%', 'last']);
  assert.equal(tree.read(log.slice(tree.directory.length)), 'one\r\ntwo\n10%\r100%\nlast');
});

test('the log is of the last run alone', async () => {
  using tree = new Tree();
  await run(tree, printing('a long first run\n'));
  const { log } = await run(tree, printing('second\n'));
  assert.equal(tree.read(log.slice(tree.directory.length)), 'second\n');
});

describe('a script that fails', () => {
  test('is told with its status, its last lines, its file and its log', async () => {
    using tree = new Tree();
    const { result, log } = await run(tree, async (print) => {
      for (let line = 1; line <= 100; line++) print(`line ${line}\n`);
      print('the end');
      return ok(3);
    });
    const failure = failureIn(result);
    assert.equal(failure.kind, 'work');
    assert.equal(failure.message, 'layer 20_app: build-layer failed with exit status 3');
    assert.equal(failure.exitStatus, 3);
    assert.equal(failure.detail?.length, 20);
    assert.equal(failure.detail?.at(-1), 'the end');
    assert.deepEqual(failure.where, { file: FILE });
    assert.equal(failure.log, log);
  });

  test('by a signal, is told with that', async () => {
    using tree = new Tree();
    assert.match(failureIn((await run(tree, async () => ok(137))).result).message, /failed with signal 9$/);
  });

  for (const shell of ['env', 'unshare']) {
    const missing = printing(
      `${shell}: failed to execute /mnt/build-layer: No such file or directory\n`,
      127,
    );

    test(`for want of its interpreter, is told with that (${shell})`, async () => {
      using tree = new Tree({ 'staged/build-layer': '#!/usr/bin/python9 -u\n' });
      const failure = failureIn((await run(tree, missing)).result);
      assert.match(failure.message, /its interpreter \/usr\/bin\/python9 was not found in the image/);
      assert.deepEqual(failure.where, { file: FILE, line: 1 });
    });

    test(`for being a link that leads nowhere, is told and no crash (${shell})`, async () => {
      using tree = new Tree({ 'staged/build-layer': { link: '../../common/build-layer' } });
      assert.equal(failureIn((await run(tree, missing)).result).kind, 'work');
    });
  }

  for (const [shell, line, status] of [
    ['dash', 'sh: 1: exec: /mnt/build-layer: not found', 127],
    ['busybox', 'sh: exec: line 0: /mnt/build-layer: not found', 127],
    ['bash', 'sh: line 1: /mnt/build-layer: cannot execute: required file not found', 127],
    ['bash', 'sh: /mnt/build-layer: /bin/x: bad interpreter: No such file or directory', 126],
  ] as const) {
    test(`for want of its interpreter, is told with that when ${shell} says ${status}`, async () => {
      using tree = new Tree({ 'staged/build-layer': '#!/bin/x\n' });
      const failure = failureIn((await run(tree, printing(`${line}\n`, status))).result);
      assert.match(failure.message, /its interpreter \/bin\/x was not found in the image/);
    });
  }

  test('for want of another program, is told with its status', async () => {
    using tree = new Tree({ 'staged/build-layer': '#!/bin/sh\n' });
    const { result } = await run(tree, printing('sh: 1: /mnt/build-layer-helper: not found\n', 127));
    assert.match(failureIn(result).message, /failed with exit status 127$/);
  });

  test('for another reason with the same status, is told with its status', async () => {
    using tree = new Tree({ 'staged/build-layer': '#!/bin/sh\n' });
    const { result } = await run(tree, printing('sh: frob: not found\n', 127));
    assert.match(failureIn(result).message, /failed with exit status 127$/);
  });
});

describe('a time-out', () => {
  test('stops a stuck script, and that is what is told', async () => {
    using tree = new Tree();
    const stuck: Start = async (print, killed) => {
      print('waiting\n');
      await killed;
      return ok(137);
    };
    const failure = failureIn((await run(tree, stuck, { timeout: 0.01 })).result);
    assert.equal(failure.kind, 'work');
    assert.match(failure.message, /ran longer than its timeout, 0\.01 s/);
    assert.deepEqual(failure.detail, ['waiting']);
  });

  for (const [what, timeout] of [
    ['a minute', 60],
    ['thirty days', 30 * 86_400],
    ['a hundred years', 100 * 365 * 86_400],
  ] as const) {
    test(`of ${what} leaves a quick script alone`, async () => {
      using tree = new Tree();
      const quick: Start = async () => {
        await sleep(20);
        return ok(0);
      };
      valueIn((await run(tree, quick, { timeout })).result);
    });
  }
});

test('a log that cannot be written, as the disk is full, is no crash', async () => {
  using tree = new Tree({ '.vlb/logs/20_app.log': { link: '/dev/full' } });
  const { result } = await run(tree, printing('hello\n'));
  if (!result.ok) assert.equal(result.failure.kind, 'host');
});
