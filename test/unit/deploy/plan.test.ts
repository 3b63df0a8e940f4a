// Plans of deployments to libvirt, done in a world of values: killed at every step, with every disk good and bad.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type DeployPlan,
  describePlan,
  type Found,
  planSteps,
  type Step,
  type Wanted,
} from '../../../src/deploy/libvirt/plan.ts';
import type { DeployState } from '../../../src/deploy/libvirt/state.ts';

const POOL = '/pool';
const DATA = '/pool/web.data.qcow2';

/** A host with one domain, as libvirt has it. Contents that begin with `bad` do not pass the check. */
class World {
  state: DeployState | undefined;
  /** The file that the guest runs from. */
  running: string | undefined;
  wasStarted = false;
  /** By file: its content; `partial` for one that is not complete. */
  readonly files = new Map<string, string>();
  /** Steps done so far; the one with this number is not done any more, and a copy is half done. */
  done = 0;
  killAt = Number.POSITIVE_INFINITY;

  get found(): Found {
    if (!this.state) return { domain: 'absent' };
    return { domain: 'ours', isRunning: this.running !== undefined, state: this.state };
  }

  plan(wanted: Partial<Wanted>): DeployPlan {
    const planned = planSteps(this.found, { ...WANTED, exists: (file) => this.files.has(file), ...wanted });
    assert.ok(planned.ok, planned.ok ? '' : planned.failure.message);
    return planned.value;
  }

  /** As runAll of src/deploy/libvirt/libvirt.ts does. */
  deploy(wanted: Partial<Wanted>): 'done' | 'failed' | 'rolled back' {
    for (const { steps, undo, goesBackTo } of this.plan(wanted)) {
      if (steps.every((step) => this.step(step))) continue;
      assert.ok(
        undo.every((step) => this.step(step)),
        'what undoes does not fail',
      );
      return goesBackTo ? 'rolled back' : 'failed';
    }
    return 'done';
  }

  step(step: Step): boolean {
    const isKilled = this.done++ === this.killAt;
    if (isKilled && step.type === 'copy') this.files.set(step.disk.file, 'partial');
    if (isKilled && step.type === 'copy data') this.files.set(DATA, 'partial');
    if (isKilled) throw new Killed();
    switch (step.type) {
      case 'define':
        assert.equal(this.state, undefined, 'a domain is defined once');
        this.state = step.state;
        return true;
      case 'record':
        assert.ok(this.state);
        this.state = step.state;
        return true;
      case 'copy':
        assert.ok(!this.files.has(step.disk.file), `${step.disk.file} is new`);
        this.files.set(step.disk.file, step.disk.content);
        return true;
      case 'copy data':
        assert.ok(!this.wasStarted, 'data disks are written once');
        this.files.set(DATA, 'data');
        return true;
      case 'stop':
        this.running = undefined;
        return true;
      case 'start': {
        const file = this.state?.current.file ?? '';
        if (this.running === undefined) {
          assert.ok(this.files.has(file) && this.files.get(file) !== 'partial', `${file} is complete`);
          assert.equal(this.files.get(DATA), 'data');
        }
        this.running ??= file;
        this.wasStarted = true;
        return true;
      }
      case 'check':
        assert.ok(this.running !== undefined);
        return !this.files.get(this.running)?.startsWith('bad');
      case 'remove':
        for (const file of step.files) {
          assert.notEqual(file, DATA);
          assert.notEqual(file, this.state?.current.file);
          assert.notEqual(file, this.running);
          this.files.delete(file);
        }
        return true;
      case 'clear':
        assert.ok(!this.wasStarted && this.running === undefined, 'only a domain without a past is removed');
        for (const file of step.files) this.files.delete(file);
        this.state = undefined;
        return true;
    }
  }

  /** What the guest runs. */
  get content(): string | undefined {
    return this.running === undefined ? undefined : this.files.get(this.running);
  }

  get phase(): string | undefined {
    return this.state?.phase;
  }
}

class Killed extends Error {}

const WANTED: Wanted = {
  rollback: false,
  force: false,
  content: 'one',
  memory: 1024,
  cpus: 1,
  keep: 2,
  seesStart: false,
  pool: POOL,
  target: 'vda',
  fileOf: (number) => `${POOL}/web.system.${number}.qcow2`,
  data: [DATA],
  exists: () => false,
};

/** A world in which these contents were deployed, one after the other. */
function worldAfter(...contents: readonly string[]): World {
  const world = new World();
  for (const content of contents) world.deploy({ content });
  world.done = 0;
  return world;
}

function assertSettled(world: World, content: string): void {
  assert.equal(world.content, content);
  assert.equal(world.phase, 'settled');
  assert.equal(world.state?.next, undefined);
  assert.equal(world.files.get(DATA), 'data');
  const { current, earlier = [], discarded = [] } = world.state ?? {};
  const kept = [current, ...earlier].flatMap((disk) => disk?.file ?? []);
  for (const file of kept) assert.ok(world.files.has(file), file);
  const known = new Set([DATA, ...kept, ...discarded.map(({ file }) => file)]);
  const unknown = [...world.files.keys()].filter((file) => !known.has(file));
  assert.deepEqual(unknown, [], 'no file is left that nothing names');
}

test('first, again, another', () => {
  const world = new World();
  assert.equal(world.deploy({ content: 'one' }), 'done');
  assertSettled(world, 'one');
  assert.deepEqual(world.plan({ content: 'one' }), [], 'nothing to do');
  assert.equal(world.deploy({ content: 'two' }), 'done');
  assertSettled(world, 'two');
  assert.equal(world.deploy({ content: 'two', force: true }), 'done');
  assert.equal(world.state?.current.number, 3);
  assert.equal(world.deploy({ content: 'two', memory: 2048 }), 'done');
  assert.equal(world.state?.memory, 2048);
});

test('old disks stay as many as are wanted', () => {
  const world = worldAfter('one', 'two', 'three', 'four', 'five');
  assert.deepEqual(
    world.state?.earlier.map(({ content }) => content),
    ['four', 'three'],
  );
  world.deploy({ content: 'six', keep: 1 });
  assertSettled(world, 'six');
  assert.equal(world.files.size, 3);
});

test('a disk that does not pass its check: the earlier one runs again, and the next deployment removes it', () => {
  const world = worldAfter('one', 'two');
  assert.equal(world.deploy({ content: 'bad', memory: 4096 }), 'rolled back');
  assertSettled(world, 'two');
  assert.equal(world.state?.memory, 1024, 'with the earlier memory');
  assert.deepEqual(
    world.state?.discarded.map(({ content }) => content),
    ['bad'],
  );
  assert.equal(world.deploy({ content: 'three' }), 'done');
  assertSettled(world, 'three');
  assert.deepEqual(world.state?.discarded, []);
});

test('a first disk that does not pass its check stays for a look, and the next one replaces it', () => {
  const world = new World();
  assert.equal(world.deploy({ content: 'bad' }), 'failed');
  assert.equal(world.content, 'bad');
  assert.equal(world.phase, 'trying');
  assert.equal(world.deploy({ content: 'bad two' }), 'failed', 'there is nothing to go back to');
  assert.equal(world.deploy({ content: 'one' }), 'done');
  assertSettled(world, 'one');
});

test('--rollback goes back disk by disk, and no further', () => {
  const world = worldAfter('one', 'two', 'three');
  assert.equal(world.deploy({ rollback: true, content: undefined }), 'done');
  assertSettled(world, 'two');
  assert.equal(world.deploy({ rollback: true, content: undefined }), 'done');
  assertSettled(world, 'one');
  const none = planSteps(world.found, { ...WANTED, rollback: true });
  assert.ok(!none.ok);
  assert.equal(none.failure.kind, 'usage');
});

test('--rollback to a disk whose file is gone goes to the one before', () => {
  const world = worldAfter('one', 'two', 'three');
  world.files.delete(world.state?.earlier[0]?.file ?? '');
  world.deploy({ rollback: true, content: undefined });
  assert.equal(world.content, 'one');
});

test('a file of others is not overwritten: the number is skipped', () => {
  const world = worldAfter('one');
  world.files.set(WANTED.fileOf(2), 'of others');
  world.deploy({ content: 'two' });
  assert.equal(world.running, WANTED.fileOf(3));
  assert.equal(world.files.get(WANTED.fileOf(2)), 'of others');
});

test('a domain that was taken over: its disk is one to go back to, and is never removed', () => {
  const world = new World();
  const own = { number: 0, file: '/elsewhere/old.img', format: 'raw', content: '', hasAgent: false };
  world.state = {
    ...{ phase: 'settled', pool: POOL, target: 'vda', memory: 512, cpus: 1 },
    ...{ current: own, earlier: [], discarded: [], data: [] },
  };
  world.files.set(own.file, 'old').set(DATA, 'data');
  world.running = own.file;
  world.deploy({ content: 'one', memory: 512, keep: 1 });
  world.deploy({ content: 'two', memory: 512, keep: 1 });
  assert.equal(world.content, 'two');
  assert.ok(world.files.has(own.file));
});

test('a domain that was started before its disks were complete is left alone', () => {
  const world = new World();
  world.killAt = 1;
  assert.throws(() => world.deploy({}), Killed);
  world.running = 'partial';
  const planned = planSteps(world.found, WANTED);
  assert.ok(!planned.ok);
  assert.equal(planned.failure.kind, 'usage');
});

test('a guest that was switched off is started', () => {
  const world = worldAfter('one');
  world.running = undefined;
  assert.equal(world.deploy({ content: 'one' }), 'done');
  assertSettled(world, 'one');
});

test('what is going to be done, in words', () => {
  assert.deepEqual(describePlan(worldAfter('one').plan({ content: undefined })), [
    'copy the system disk to /pool/web.system.2.qcow2',
    'shut down the guest',
    'point it at /pool/web.system.2.qcow2',
    'start the guest',
    'check it',
    'if that fails, go back to /pool/web.system.1.qcow2',
  ]);
  assert.deepEqual(describePlan(new World().plan({})), [
    'define the domain',
    'copy the system disk to /pool/web.system.1.qcow2',
    'create the data disks',
    'point it at /pool/web.system.1.qcow2',
    'start the guest',
    'check it',
  ]);
});

describe('killed at each step', () => {
  const scenarios: readonly {
    readonly name: string;
    readonly before: readonly string[];
    readonly wanted: Partial<Wanted>;
  }[] = [
    { name: 'the first deployment', before: [], wanted: { content: 'one' } },
    { name: 'a first deployment that fails', before: [], wanted: { content: 'bad' } },
    { name: 'the second', before: ['one'], wanted: { content: 'two' } },
    { name: 'one that fails', before: ['one', 'two'], wanted: { content: 'bad' } },
    { name: 'one after a failed one', before: ['one', 'bad'], wanted: { content: 'three' } },
    { name: 'one after a failed first one', before: ['bad'], wanted: { content: 'two' } },
    {
      name: 'one that removes old disks',
      before: ['one', 'two', 'three'],
      wanted: { content: 'four', keep: 1 },
    },
    { name: 'a rollback', before: ['one', 'two', 'three'], wanted: { rollback: true, content: undefined } },
  ];
  const next: readonly { readonly name: string; readonly wanted: Partial<Wanted> }[] = [
    { name: 'the same again', wanted: { content: 'same' } },
    { name: 'the same, whose start has to be seen', wanted: { content: 'same', seesStart: true } },
    { name: 'another', wanted: { content: 'another' } },
    { name: 'a bad one', wanted: { content: 'bad another' } },
    { name: '--rollback', wanted: { rollback: true, content: undefined } },
  ];
  for (const { name, before, wanted } of scenarios) {
    for (const then of next) {
      test(`${name}, then ${then.name}`, () => {
        let kills = 0;
        for (let killAt = 0; ; killAt++) {
          const world = worldAfter(...before);
          const earlier = world.content;
          const untouched = world.state;
          world.killAt = killAt;
          try {
            world.deploy(wanted);
            break; // it ended before that step
          } catch (error) {
            assert.ok(error instanceof Killed);
            kills++;
          }
          world.killAt = Number.POSITIVE_INFINITY;
          assert.notEqual(world.content, 'partial');
          // Nothing was begun that could be undone: --rollback means the disk before this one.
          if (then.wanted.rollback && world.state === untouched) continue;
          const content =
            then.wanted.content === 'same' ? (wanted.content ?? earlier ?? '') : then.wanted.content;
          const planned = planSteps(world.found, {
            ...WANTED,
            exists: (file) => world.files.has(file),
            ...then.wanted,
            content,
          });
          if (!planned.ok) {
            // Only where there never was a disk that worked.
            assert.ok(
              then.wanted.rollback && !before.some((one) => !one.startsWith('bad')),
              planned.failure.message,
            );
            continue;
          }
          const ended = world.deploy({ ...then.wanted, content });
          if (then.wanted.rollback) {
            assert.ok(world.content !== undefined && !world.content.startsWith('bad'), world.content);
            assertSettled(world, world.content);
            if (!wanted.rollback) assert.ok([earlier, wanted.content].includes(world.content), world.content);
          } else if (ended === 'done') assertSettled(world, content ?? '');
          else {
            assert.ok(content?.startsWith('bad'));
            if (ended === 'rolled back') assert.ok(!world.content?.startsWith('bad'));
          }
        }
        assert.ok(kills >= 4, `${kills}`);
      });
    }
  }
});
