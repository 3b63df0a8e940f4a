// Chains of many layers: however many there are, few files depend on each other, and no content is lost.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { Team } from '../rig/s3/team.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const LAYERS = 30;
/** See src/execute/backing.ts. */
const LONGEST = 12;

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});
after(async () => gateway?.[Symbol.asyncDispose]());

const nameOf = (number: number) => `${String(number).padStart(2, '0')}_layer`;

/** Each layer checks what all before it wrote, removes the file of one and replaces that of another. */
function files(): Record<string, string> {
  const all: Record<string, string> = {
    'layers/01_layer/modify-disk': tinyDisk({ more: 'mkdir "$root/all"' }),
  };
  for (let number = 2; number <= LAYERS; number++) {
    const lines = [
      ...Array.from({ length: number - 2 }, (_, index) => index + 2).map((earlier) =>
        earlier % 5 === 0 && earlier < number - 1
          ? `test ! -e /all/${earlier}`
          : `test "$(cat /all/${earlier})" = "${earlier}"`,
      ),
      `echo ${number} > /all/${number}`,
      ...((number - 1) % 5 === 0 ? [`rm /all/${number - 1}`] : []),
    ];
    all[`layers/${nameOf(number)}/build-layer`] = buildLayer(lines.join('\n'));
  }
  return all;
}

test('30 layers stay within a dozen files, in the store, in the shared cache and after a change', async () => {
  await using team = await Team.create(gateway);
  const machine = team.machine(files());
  const built = await team.build(machine);
  assert.equal(built.finished?.counts.built, LAYERS, built.output);
  const chain = (number: number): readonly { filename: string }[] =>
    JSON.parse(
      execFileSync(
        'qemu-img',
        ['info', '--backing-chain', '--output=json', machine.path(`build/${nameOf(number)}.qcow2`)],
        { encoding: 'utf8' },
      ),
    );
  const lengths = Array.from({ length: LAYERS }, (_, index) => chain(index + 1).length);
  assert.deepEqual(lengths.slice(0, LONGEST), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.ok(Math.max(...lengths) <= LONGEST, lengths.join());
  assert.equal((await team.build(machine)).finished?.counts.fresh, LAYERS);

  // The first layer with a shorter chain has what those in between changed, and differs from its parent in one file.
  const shortened = lengths.findIndex((length, index) => length < (lengths[index - 1] ?? 0)) + 1;
  const difference = await machine.vlb(['diff', nameOf(shortened)]);
  assert.match(difference.stdout, new RegExp(`all/${shortened}\\b`));
  assert.doesNotMatch(difference.stdout, new RegExp(`all/${shortened - 2}\\b`));

  const verified = await machine.vlb(['store', 'verify']);
  assert.equal(verified.status, 0, verified.stdout + verified.stderr);

  const other = team.machine(files());
  const fetched = await team.build(other);
  assert.equal(fetched.finished?.counts.built, 0, fetched.output);
  for (const place of [machine, other]) {
    const hash = execFileSync('sha256sum', [place.path(`build/${nameOf(LAYERS)}.qcow2`)], {
      encoding: 'utf8',
    });
    const record = readFileSync(place.path(`.vlb/in-place/${nameOf(LAYERS)}.json`), 'utf8');
    assert.equal(JSON.parse(record).artifact.digest, hash.slice(0, 64));
  }

  // A change in the middle: everything above is built again, on the chain that is there.
  rmSync(machine.path('layers', nameOf(20), 'build-layer'));
  machine.write({ [`layers/${nameOf(20)}/build-layer`]: buildLayer('echo 20 > /all/20; echo more > /more') });
  const again = await team.build(machine);
  assert.deepEqual(again.finished?.counts, { fresh: 19, restored: 0, built: 11, failed: 0, skipped: 0 });
  assert.ok(chain(LAYERS).length <= LONGEST);
});

test('a layer whose chain was shortened is as reproducible as any', async () => {
  const write = (number: number) =>
    `printf ${number} | dd of="$3" bs=1M seek=${number} conv=notrunc status=none`;
  const script = (number: number) =>
    `#!/bin/sh\n${number === 1 ? '# vlb: from scratch\n' : ''}# vlb: disk-size 64M\n${write(number)}\n`;
  const numbers = Array.from({ length: LONGEST + 1 }, (_, index) => index + 1);
  await using project = new TestProject(
    Object.fromEntries(numbers.map((number) => [`layers/${nameOf(number)}/modify-disk`, script(number)])),
  );
  const built = await project.build();
  assert.equal(built.finished?.counts.built, numbers.length, built.told);
  const rebuilt = await project.vlb(['store', 'verify', '--rebuild', nameOf(LONGEST + 1)]);
  assert.equal(rebuilt.status, 0, rebuilt.stdout + rebuilt.stderr);
  assert.match(rebuilt.stdout + rebuilt.stderr, /is reproducible/);
});
