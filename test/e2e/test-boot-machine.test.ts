// vlb test-boot MACHINE: a machine of vlb.yaml boots with all that it has there.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { diskThatWrites } from '../rig/boot/boot-sector.ts';
import { TestProject, VLB } from '../rig/project.ts';

const CONFIG = `
base: guest.img
machines:
  web:
    disks:
      - image: 10_app
      - { name: data, size: 10M }
    memory: 192M
    cpus: 1
    networks:
      - { mac: '52:54:00:12:34:56' }
      - { model: e1000, mac: '52:54:00:12:34:57' }
`;

test('a machine boots with its disks, memory, processors and network cards', async () => {
  await using project = new TestProject({
    'layers/10_app/modify-disk': '#!/bin/sh\n# vlb: disk-size 1M\n:\n',
    'vlb.yaml': CONFIG,
  });
  writeFileSync(project.path('guest.img'), diskThatWrites('hello from the disk\n'));
  const unbuilt = await project.vlb(['test-boot', 'web', '--check']);
  assert.equal(unbuilt.status, 2, unbuilt.stderr);
  assert.match(unbuilt.stderr, /vlb build/);
  assert.equal((await project.build()).status, 0);

  const booted = await project.vlb(['test-boot', 'web', '--expect', 'hello from the disk']);
  assert.equal(booted.status, 0, booted.stderr);

  const child = spawn(VLB, ['test-boot', 'web', '--expect', 'never'], { cwd: project.directory });
  const closed = new Promise((resolve) => child.on('close', resolve));
  let words: readonly string[] | undefined;
  while (words === undefined) {
    await sleep(20);
    words = machineOf(project.directory);
  }
  child.kill('SIGINT');
  await closed;
  const line = words.join(' ');
  assert.match(line, /-smp 1 -m 192 /);
  assert.match(line, /id=disk1,format=qcow2,snapshot=on.*empty-0\.qcow2/);
  assert.match(line, /virtio-net-pci,netdev=net,romfile=,mac=52:54:00:12:34:56 /);
  assert.match(line, /e1000,netdev=net1,romfile=,mac=52:54:00:12:34:57 /);

  const overridden = await project.vlb(['test-boot', 'web', '--memory', '64M', '--expect', 'hello']);
  assert.equal(overridden.status, 0, overridden.stderr);
});

/** The command line of the QEMU that boots an image of a project. */
function machineOf(directory: string): readonly string[] | undefined {
  const lines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')];
      } catch {
        return []; // it has ended
      }
    });
  return lines.find(([command = '', ...words]) => {
    return /(^|\/)qemu-system/.test(command) && words.some((word) => word.includes(directory));
  });
}
