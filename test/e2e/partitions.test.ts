// The partitions of a disk: all of its table, whatever their numbers, also where /dev has only the nodes that it was made with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { afterMounting, devWithout } from '../rig/machine.ts';
import { Built, run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const NUMBERS = `for node in "$VLB_DISK"p*; do echo "\${node#"$VLB_DISK"p}"; done`;

/** A disk with this table, as sfdisk takes it, and the system in one of its partitions. */
function disk(table: string, system: number): string {
  return tinyDisk({ size: '64M' })
    .replace(/printf .* \|/, `printf '${table}' |`)
    .replace('partx --update', 'partx --add')
    .replaceAll('{DEVICE}p1', `{DEVICE}p${system}`);
}

const CLOUD = 'label: gpt\\n1: start=20M, type=linux\\n14: start=1M, size=3M\\n15: start=4M, size=10M\\n';

for (const [what, table, system, numbers, dropped] of [
  ['of cloud images', `${CLOUD}128: start=16M, size=1M\\n`, 1, ['1', '128', '14', '15'], '15'],
  [
    'of an MBR, logical and unordered',
    'label: dos\\n1: start=1M, size=1M\\n2: start=20M, type=5\\n4: start=10M, size=1M\\n5: start=22M, size=1M\\n6: start=24M\\n',
    6,
    ['1', '2', '4', '5', '6'],
    '1',
  ],
] as const) {
  test(`partitions ${what}, and what a script changes of them`, async () => {
    await using project = new TestProject({
      'layers/10_base/modify-disk': disk(table, system),
      'layers/20_app/build-layer': buildLayer(`${NUMBERS}; grep ID= /etc/os-release`),
      'layers/30_drop/modify-disk': `#!/bin/sh
# vlb: disk-size 64M
set -eu
sfdisk -q --no-reread --no-tell-kernel --delete "$3" ${dropped}
`,
      'layers/40_app/build-layer': buildLayer(NUMBERS),
    });
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
    const left = numbers.filter((number) => number !== dropped);
    assert.deepEqual(built.output.split('\n'), [...numbers, 'ID=tiny', ...left]);
    assert.deepEqual(leftovers(project), []);
  });
}

test('a /dev to which the kernel adds nothing, as in a container', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': disk(CLOUD, 1),
    'layers/20_app/build-layer': buildLayer(NUMBERS),
  });
  const build = [VLB, 'build', '--progress', 'json'];
  const within = async (commands: string) => {
    const [command, args] = afterMounting(commands, build);
    return new Built(await run(command, args, { cwd: project.directory }));
  };
  const lacking = await within(devWithout('/dev/loop[0-9]*'));
  assert.equal(lacking.status, 3, lacking.told);
  const { message, hint } = lacking.finished?.failures[0]?.failure ?? {};
  assert.match(message ?? '', /^\/dev\/loop\d+, the next free one, is not in \/dev$/);
  assert.match(hint ?? '', /^run mknod \/dev\/loop(\d+) b 7 \1; or give the container the host's \/dev$/);
  // Nodes of partitions that are not those of the kernel, from another time.
  const stale = `for loop in /dev/loop[0-9]*; do mknod "$loop"p1 b 259 99; done 2>/dev/null || :`;
  const built = await within(`${devWithout('/dev/loop*p[0-9]*')}\n${stale}`);
  assert.equal(built.outcomes, '10_base built, 20_app built', built.told);
  assert.equal(built.output, '1\n14\n15');
  assert.deepEqual(leftovers(project), []);
});

test('sectors of 4096 bytes, by a hint and then by the GPT', async () => {
  const size = `cat "/sys/class/block/\${VLB_DISK#/dev/}/queue/logical_block_size"`;
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '64M' }).replace(
      '# vlb: from scratch',
      '# vlb: from scratch\n# vlb: sector-size 4096',
    ),
    'layers/20_app/build-layer': buildLayer(`${size}; ${NUMBERS}; grep ID= /etc/os-release`),
  });
  const built = await project.build(['--flatten']);
  assert.equal(built.output, '4096\n1\nID=tiny', built.told);
  await using other = new TestProject({
    'vlb.yaml': `base: { path: ${project.path('build/image.qcow2')}, size: 128M }\n`,
    'layers/20_app/build-layer': buildLayer(`${size}; df / | tail -n 1`),
  });
  const again = await other.build();
  assert.match(again.output, /^4096\n\S+p1 +1[12]\d{4} /, again.told);
  assert.deepEqual([...leftovers(project), ...leftovers(other)], []);
});
