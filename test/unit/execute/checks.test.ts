// Checks of images: which run, in how many boots, what is remembered, and what a failure says.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  checkStates,
  checksOf,
  type ImageChecks,
  runChecks,
  seedDigest,
} from '../../../src/execute/checks.ts';
import type { Artifact } from '../../../src/model/artifact.ts';
import { fail, ok } from '../../../src/model/failure.ts';
import type { CheckOptions, ImageBooter, MachineOptions } from '../../../src/model/ports/booter.ts';
import type { ImageCheck, NamedImage } from '../../../src/model/project.ts';
import { artifactOf, digestOf, failureIn, Tree, valueIn } from '../../rig/tree.ts';
import { fakeContext } from './fake-host.ts';

const WHERE = { file: '/p/vlb.yaml', line: 4 };

function check(run: string, options: Omit<ImageCheck, 'run' | 'where'> = {}): ImageCheck {
  return { run, ...options, where: WHERE };
}

function image(name: string, checks: readonly ImageCheck[]): NamedImage {
  return { name, layer: '10_a', params: new Map(), checks, where: WHERE };
}

/** A booter in whose guests commands end with the status that they begin with; `silent` never answers. */
class FakeBooter implements ImageBooter {
  readonly boots: { readonly machine: MachineOptions; readonly check: CheckOptions }[] = [];

  twice = () => Promise.reject(new Error('nobody compares'));
  interact = () => Promise.reject(new Error('nobody types'));
  open = () => Promise.reject(new Error('nobody looks'));
  defaultSeed = () => '/seed';

  check: ImageBooter['check'] = async (machine, check, listener) => {
    this.boots.push({ machine, check });
    listener.console('login: \nand ');
    listener.console('more\n');
    for (const command of check.commands ?? []) {
      if (command === 'silent')
        return fail('work', 'the guest agent did not answer', { detail: ['console'] });
      const status = Number.parseInt(command, 10);
      const bytes = (text: string) => new TextEncoder().encode(text);
      listener.commandOutput({ stdout: bytes('out\n'), stderr: bytes('err\n') }, status);
      if (status !== 0) return fail('work', 'the command failed', { exitStatus: status });
    }
    return ok({ secondsToReady: 1, matched: undefined });
  };
}

async function world(images: readonly NamedImage[], layers: ReadonlyMap<string, string> = LAYERS) {
  const tree = new Tree();
  const context = await fakeContext(tree);
  const booter = new FakeBooter();
  const checks: ImageChecks = {
    wanted: checksOf(images, layers),
    forced: false,
    seed: '',
    booter: async () => booter,
  };
  return { tree, context, booter, checks, commands: () => booter.boots.map((boot) => boot.check.commands) };
}

const LAYERS = new Map([
  ['web', '10_a'],
  ['db', '20_b'],
]);
const ARTIFACTS: ReadonlyMap<string, Artifact> = new Map([
  ['10_a', artifactOf(digestOf('a'))],
  ['20_b', artifactOf(digestOf('b'))],
]);

describe('checks', () => {
  test('of an image share a boot if they have the same options, and are remembered', async () => {
    const images = [
      image('web', [check('0 a'), check('0 b', { memory: 2 ** 31, uefi: true, timeout: 5 }), check('0 c')]),
      image('db', [check('0 a')]),
    ];
    const { tree, context, booter, checks, commands } = await world(images);
    using _tree = tree;
    valueIn(await runChecks(checks, ARTIFACTS, context));
    assert.deepEqual(commands(), [['0 a', '0 c'], ['0 b'], ['0 a']]);
    const [, second] = booter.boots;
    assert.equal(second?.machine.memoryMiB, 2048);
    assert.equal(second?.machine.uefi, true);
    assert.equal(second?.check.timeout, 5);
    assert.equal(second?.machine.seed, '/seed');
    valueIn(await runChecks(checks, ARTIFACTS, context));
    assert.equal(booter.boots.length, 3, 'nothing to do');
    // Another time limit is no other check; another disk, and being told to, are.
    const patient = checksOf(
      [image('web', [check('0 b', { memory: 2 ** 31, uefi: true, timeout: 9 })])],
      LAYERS,
    );
    valueIn(await runChecks({ ...checks, wanted: patient }, ARTIFACTS, context));
    assert.equal(booter.boots.length, 3);
    valueIn(await runChecks(checks, new Map([...ARTIFACTS, ['20_b', artifactOf(digestOf('c'))]]), context));
    assert.equal(booter.boots.length, 4);
    valueIn(await runChecks({ ...checks, seed: 'other' }, ARTIFACTS, context));
    assert.equal(booter.boots.length, 7);
    valueIn(await runChecks({ ...checks, forced: true }, ARTIFACTS, context));
    assert.equal(booter.boots.length, 10);
  });

  test('that pass before one that fails are remembered too', async () => {
    const { tree, context, checks, commands } = await world([
      image('web', [check('0'), check('3 x'), check('0 z')]),
    ]);
    using _tree = tree;
    const failure = failureIn(await runChecks(checks, ARTIFACTS, context));
    assert.equal(failure.message, 'a check of image web failed: 3 x: the command failed');
    assert.deepEqual(failure.where, WHERE);
    assert.deepEqual(failure.detail, ['out', 'err']);
    assert.equal(failure.exitStatus, 3);
    assert.equal(failure.hint, 'see vlb test-boot web');
    assert.deepEqual(
      context.events.map((event) =>
        event.type === 'check-output'
          ? event.line
          : [event.type, 'check' in event && event.check, 'outcome' in event && event.outcome].join(' '),
      ),
      [
        'check-started 0 false',
        'login: ',
        'and more',
        'out',
        'err',
        'check-finished 0 passed',
        'check-started 3 x false',
        'out',
        'err',
        'check-finished 3 x failed',
      ],
    );
    failureIn(await runChecks(checks, ARTIFACTS, context));
    assert.deepEqual(commands(), [
      ['0', '3 x', '0 z'],
      ['3 x', '0 z'],
    ]);
  });

  test('fail if the image does not boot, with what the boot says', async () => {
    const { tree, context, checks } = await world([image('web', [check('silent')])]);
    using _tree = tree;
    const failure = failureIn(await runChecks(checks, ARTIFACTS, context));
    assert.match(failure.message, /: silent: the guest agent did not answer$/);
    assert.deepEqual(failure.detail, ['console']);
  });

  test('are planned', async () => {
    const { tree, context, checks } = await world([
      image('web', [check('0'), check('1')]),
      image('db', [check('0')]),
    ]);
    using _tree = tree;
    failureIn(await runChecks(checks, ARTIFACTS, context));
    const reasons = (more: Partial<ImageChecks>, artifacts = ARTIFACTS) =>
      checkStates({ ...checks, ...more }, artifacts, context.paths.state).map(({ reason }) => reason);
    const failed = 'it has not passed on this image';
    assert.deepEqual(reasons({}), [undefined, failed, failed]);
    assert.deepEqual(reasons({ forced: true }), ['forced', 'forced', 'forced']);
    assert.deepEqual(reasons({}, new Map([['10_a', artifactOf(digestOf('a'))]])), [
      undefined,
      failed,
      'its layer has to be built',
    ]);
    assert.match(readFileSync(tree.path('.vlb/checks/web'), 'utf8'), /^[0-9a-f]{64}\n$/);
  });
});

test('the seed is known by its files', () => {
  using tree = new Tree({ 'test-boot/user-data': 'a', 'test-boot/meta-data': 'b' });
  const before = seedDigest(tree.directory);
  assert.equal(seedDigest(tree.directory), before);
  tree.write({ 'test-boot/user-data': 'b' });
  assert.notEqual(seedDigest(tree.directory), before);
  assert.match(seedDigest('/nowhere'), /^[0-9a-f]{64}$/);
});
