// Two machines that build the same at the same time: one builds, and the other waits, and goes on with what does not need it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Built } from '../rig/project.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { notesOf, Team } from '../rig/s3/team.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

let gateway: Gateway;
before(async () => {
  gateway = await Gateway.start();
});
after(async () => gateway?.[Symbol.asyncDispose]());

const SLOW = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_slow/build-layer': buildLayer('sleep 6; cat /proc/sys/kernel/random/uuid > /id'),
};

const OWN = buildLayer('echo own > /own', '# vlb: from base');

function startedAt(layer: string, text: string): boolean {
  return text.includes(`"layer":"${layer}","stage":"run"`);
}

// They wait, so side by side.
describe('claims', { concurrency: true }, () => {
  test('the second machine waits, builds other layers, and fetches', async () => {
    await using team = await Team.create(gateway);
    const first = team.machine(SLOW);
    const second = team.machine({ ...SLOW, 'layers/30_own/build-layer': OWN });
    let other: Promise<Built> | undefined;
    const built = await team.build(first, [], {
      onStdout: (text) => {
        if (startedAt('20_slow', text)) other ??= team.build(second, ['--jobs', '1']);
      },
    });
    assert.equal(built.outcomes, '10_base built, 20_slow built', built.told);
    const waited = (await other) ?? assert.fail('it never began');
    assert.deepEqual(
      waited.outcomes.split(', ').toSorted(),
      ['10_base restored', '20_slow restored', '30_own built'],
      waited.told,
    );
    assert.match(
      notesOf(waited).join('\n'),
      /^waiting for 20_slow, which \S+ has been building for [\d.]+ s$/m,
    );
    const order = waited.events.flatMap((event) => (event.type === 'layer-finished' ? [event.layer] : []));
    assert.ok(order.indexOf('30_own') < order.indexOf('20_slow'), order.join());
    assert.equal(
      waited.events.filter((event) => event.type === 'layer-started' && event.layer === '20_slow').length,
      1,
    );
    assert.deepEqual(await team.bucket.namesLike(/claims/), []);
  });

  test('a failed layer is no longer claimed, and ^C of one that waits leaves nothing', async () => {
    await using team = await Team.create(gateway);
    const files = { ...SLOW, 'layers/20_slow/build-layer': buildLayer('sleep 5; exit 3') };
    const [first, second] = [team.machine(files), team.machine(files)];
    let other: Promise<Built> | undefined;
    const failed = await team.build(first, [], {
      onStdout: (text) => {
        if (!startedAt('20_slow', text)) return;
        other ??= team.build(second, [], {
          onStdout: (own, kill) => {
            if (own.includes('waiting for 20_slow')) kill('SIGINT');
          },
        });
      },
    });
    assert.equal(failed.status, 1, failed.told);
    assert.equal((await other)?.status, 130);
    const again = await team.build(second);
    assert.equal(again.status, 1, again.told);
    assert.deepEqual(await team.bucket.namesLike(/claims/), []);
  });

  test('fault: SIGKILL of the machine that builds: its claim is void after a minute', async () => {
    await using team = await Team.create(gateway);
    const [first, second] = [team.machine(SLOW), team.machine(SLOW)];
    const killed = await team.build(first, [], {
      onStdout: (text, kill) => {
        if (startedAt('20_slow', text)) kill('SIGKILL');
      },
    });
    assert.equal(killed.status, null);
    const listed = await second.vlb(['store', 'ls', '--remote', '--claims'], { env: team.bucket.env() });
    assert.match(listed.stdout, /^20_slow +\S+ \(\d+\) +[\d.]+ s +trusted$/m, listed.stderr);
    const begun = performance.now();
    const built = await team.build(second);
    assert.equal(built.outcomes, '10_base restored, 20_slow built', built.told);
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(seconds > 50 && seconds < 120, `${seconds} s`);
  });
});
