// What jobs print becomes the events of one build, whatever their runs left in the files.

import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import type { Engine, JobState } from '../../../../src/model/engine/engine.ts';
import type { BuildEvent } from '../../../../src/model/event.ts';
import { ok } from '../../../../src/model/failure.ts';
import { projectPaths } from '../../../../src/project/project.ts';
import { Follower, type PlacedJob } from '../../../../src/workspace/place/follow.ts';
import { JobLines } from '../../../../src/workspace/place/job-lines.ts';
import { jobScript } from '../../../../src/workspace/place/job-script.ts';
import { LayerLogs } from '../../../../src/workspace/place/layer-logs.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'vlb-follow-'));
after(() => rmSync(directory, { recursive: true }));

let files = 0;
function placed(name: string, layers: readonly string[], needs: readonly string[] = []): PlacedJob {
  const file = path.join(directory, String(files++));
  const job = { name, layers, needs, resources: { gres: [] } };
  return { id: String(files), job, stdout: `${file}.out`, stderr: `${file}.err` };
}

function print(job: PlacedJob, ...lines: readonly object[]): void {
  appendFileSync(job.stdout, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

const started = (node: string) => ({ type: 'job-started', node });
const ended = (status: number) => ({ type: 'job-ended', status });
const begun = (layer: string) => ({ type: 'layer-started', layer });
const done = (layer: string, outcome: string) => ({ type: 'layer-finished', layer, outcome, seconds: 1 });
const failure = { kind: 'work', message: 'it failed', log: '/var/tmp/x.log', look: 'vlb shell --failed' };

/** Follows jobs whose states the engine gives. */
async function follow(
  jobs: readonly PlacedJob[],
  states: (id: string) => JobState,
  keepGoing = false,
  watch: Engine['watch'] | undefined = undefined,
) {
  const events: BuildEvent[] = [];
  const cancelled: string[] = [];
  const engine: Engine = {
    name: 'slurm',
    submit: () => assert.fail('nothing is submitted'),
    watch:
      watch ??
      (async (ids) => ok(new Map(ids.map((id) => [id, cancelled.includes(id) ? GONE : states(id)])))),
    cancel: async (ids) => {
      cancelled.push(...ids);
      return ok();
    },
  };
  const logs = new LayerLogs({ paths: projectPaths(directory), owner: 'test' });
  const emit = (event: BuildEvent) => void events.push(event);
  const { signal } = new AbortController();
  const built: string[] = [];
  const onBuilt = (layer: string) => void built.push(layer);
  const followed = await new Follower(jobs, { engine, logs, keepGoing, emit, onBuilt, signal }).run();
  return { ...followed, events, cancelled, built };
}

const GONE: JobState = { state: 'over', word: 'CANCELLED' };
const running = (): JobState => ({ state: 'running', word: 'RUNNING' });

describe('jobs', { concurrency: true }, () => {
  test('events of their own layers are passed on, with the node; what they fetched is not', async () => {
    const job = placed('20_b', ['10_a', '20_b']);
    print(job, started('node1'), done('05_base', 'restored'), begun('10_a'), done('10_a', 'built'));
    print(
      job,
      begun('20_b'),
      { type: 'output', layer: '20_b', line: 'hello' },
      done('20_b', 'built'),
      ended(0),
    );
    const { events, outcomes, failures } = await follow([job], running);
    assert.deepEqual(
      events.map((event) => ('layer' in event ? `${event.type} ${event.layer}` : event.type)),
      [
        'layer-started 10_a',
        'layer-finished 10_a',
        'layer-started 20_b',
        'output 20_b',
        'layer-finished 20_b',
      ],
    );
    assert.deepEqual(events[0], { type: 'layer-started', layer: '10_a', node: 'node1' });
    assert.deepEqual([...outcomes.values()], ['built', 'built']);
    assert.deepEqual(failures, []);
    assert.equal(readFileSync(path.join(directory, '.vlb/logs/20_b.log'), 'utf8'), 'hello\n');
  });

  test('a run that begins again says so, and half a line of the first is skipped', async () => {
    const job = placed('11_a', ['11_a']);
    print(job, started('node1'), begun('11_a'));
    appendFileSync(job.stdout, '{"type":"output","layer":"11_a","li');
    appendFileSync(job.stdout, '\n');
    print(job, started('node2'), begun('11_a'), done('11_a', 'built'), ended(0));
    const { events, outcomes } = await follow([job], running);
    assert.ok(
      events.some(
        (event) => event.type === 'note' && event.message === '11_a begins again on node2: node1 failed',
      ),
    );
    assert.equal(outcomes.get('11_a'), 'built');
  });

  test('after a failure the others are cancelled, and the failure names no file of a node', async () => {
    const [bad, other] = [placed('12_a', ['12_a']), placed('13_b', ['13_b'])];
    print(bad, started('node1'), begun('12_a'), { ...done('12_a', 'failed'), failure }, ended(1));
    const { failures, outcomes, cancelled } = await follow([bad, other], running);
    const log = path.join(directory, '.vlb/logs/12_a.log');
    assert.deepEqual(failures, [
      { layer: '12_a', failure: { kind: 'work', message: 'it failed', log }, skipped: ['13_b'] },
    ]);
    assert.equal(outcomes.get('13_b'), 'skipped');
    assert.deepEqual(cancelled, [other.id]);
  });

  test('with keepGoing, only what needs the failed one is skipped', async () => {
    const jobs = [
      placed('14_a', ['14_a']),
      placed('15_b', ['15_b'], ['14_a']),
      placed('16_c', ['16_c']),
    ] as const;
    print(jobs[0], started('node1'), { ...done('14_a', 'failed'), failure }, ended(1));
    print(jobs[2], started('node1'), done('16_c', 'built'), ended(0));
    const states = (id: string) => (id === jobs[1].id ? GONE : running());
    const { failures, outcomes, built } = await follow(jobs, states, true);
    assert.deepEqual(failures[0]?.skipped, ['15_b']);
    assert.equal(outcomes.get('16_c'), 'built');
    assert.deepEqual(built, ['16_c']);
  });

  test('a job that succeeded without a word of its layers has them', async () => {
    const job = placed('19_a', ['19_a']);
    print(job, started('node1'), ended(0));
    const { events, outcomes } = await follow([job], running);
    assert.equal(outcomes.get('19_a'), 'restored');
    assert.deepEqual(events, [{ type: 'layer-finished', layer: '19_a', outcome: 'restored', seconds: 0 }]);
  });

  test('an engine that does not answer holds up no output', async () => {
    const job = placed('20_a', ['20_a']);
    setTimeout(() => print(job, started('node1'), begun('20_a'), done('20_a', 'built'), ended(0)), 500);
    const silent = new Promise<never>(() => {});
    const { outcomes } = await follow(
      [job],
      () => assert.fail(),
      false,
      () => silent,
    );
    assert.equal(outcomes.get('20_a'), 'built');
  });

  test('a job that ends without a result fails with the words of the engine and its last lines', async () => {
    const job = placed('17_a', ['17_a']);
    appendFileSync(job.stderr, 'slurmstepd: error: out of memory\n');
    const { failures } = await follow([job], () => ({ state: 'over', word: 'OUT_OF_MEMORY', node: 'node3' }));
    assert.match(failures[0]?.failure.message ?? '', /ended on node3 without a result: OUT_OF_MEMORY/);
    assert.deepEqual(failures[0]?.failure.detail, ['slurmstepd: error: out of memory']);
    const missing = placed('18_a', ['18_a']);
    print(missing, started('node1'), ended(127));
    const other = await follow([missing], running);
    assert.match(other.failures[0]?.failure.message ?? '', /ended on node1 with the status 127/);
  });
});

test('a file is read as far as its lines are whole', () => {
  const file = path.join(directory, 'lines');
  const lines = new JobLines(file);
  assert.deepEqual(lines.read(), []);
  appendFileSync(file, 'text\n{"type":"job-ended","status":0}\n{"type":"no');
  assert.deepEqual(lines.read(), [{ type: 'job-ended', status: 0 }]);
  appendFileSync(file, 'te","message":"ä"}\n[1]\n{}\n');
  assert.deepEqual(lines.read(), [{ type: 'note', message: 'ä' }]);
});

test('no word of a command line is taken apart by the shell of a job', () => {
  const script = jobScript({
    launcher: '/a b/vlb',
    words: ['-p', "X=$(id) 'y'"],
    clear: ['store'],
    job: 'j-1',
  });
  assert.ok(script.includes(`vlb='/a b/vlb'`));
  assert.ok(script.includes(`-p 'X=$(id) '\\''y'\\'''`));
});
