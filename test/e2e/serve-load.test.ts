// Fifty watchers of one build that prints 200 MB: memory stays flat, and the build is hardly slower.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { Serving } from '../rig/serving.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const WATCHERS = 50;
/** 200 MB in lines of 100 bytes, in a second or so: faster than any build. */
const PRINT = 'yes "$(printf \'%099d\' 7)" | head -n 2000000';

test('fifty watchers of one build that prints 200 MB', async (t) => {
  const tool = { more: 'ln -s busybox "$root/bin/yes"' };
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(tool),
    'layers/20_app/build-layer': buildLayer(PRINT),
  });
  assert.equal((await project.build(['10_base'])).status, 0);
  const quiet = await project.vlb(['build', '--progress', 'quiet']);
  assert.equal(quiet.status, 0, quiet.stderr);
  await using server = await Serving.start(project);
  const timed = async () => {
    const begun = performance.now();
    const { state } = await server.build({ targets: ['20_app'], force: true });
    assert.equal(state, 'done');
    return (performance.now() - begun) / 1000;
  };
  const alone = await timed();
  const before = residentMiB(server);
  let sent = 0;
  const job = server.post('/api/builds', { targets: ['20_app'], force: true });
  const { id } = await job;
  const watchers = Array.from({ length: WATCHERS }, async () => {
    const message = await server.begin(`/api/jobs/${id}/events`);
    let last = '';
    for await (const piece of message) {
      sent += piece.length;
      last = (last + String(piece)).slice(-2000);
    }
    assert.match(last, /event: end\n/);
  });
  const begun = performance.now();
  await server.until(id, 'done', 'failed');
  const watched = (performance.now() - begun) / 1000;
  await Promise.all(watchers);
  const peak = peakMiB(server);
  t.diagnostic(
    `alone ${alone.toFixed(1)} s, watched ${watched.toFixed(1)} s; ${(sent / 1e6).toFixed(0)} MB sent; memory ${before.toFixed(0)} MiB, at most ${peak.toFixed(0)} MiB`,
  );
  assert.ok(peak < 400, `${peak} MiB`);
  assert.ok(watched < alone * 1.1 + 2, `${watched} s instead of ${alone} s`);
});

function residentMiB({ child }: Serving): number {
  return statusOf(child.pid, 'VmRSS');
}

function peakMiB({ child }: Serving): number {
  return statusOf(child.pid, 'VmHWM');
}

/** A line of proc_pid_status(5), MiB. */
function statusOf(pid: number | undefined, name: string): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) / 1024;
}
