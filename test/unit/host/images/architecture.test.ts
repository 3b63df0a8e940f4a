// What a program is for, and what runs it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { test } from 'node:test';
import { architectureOf, emulatorOf, runsNatively } from '../../../../src/host/images/architecture.ts';

/** The first bytes of a program. @param bits 1 for 32, 2 for 64 @param order 1 for little-endian, 2 for big */
function elf(machine: number, bits = 2, order = 1): Buffer {
  const head = Buffer.alloc(64);
  head.write('\x7fELF', 'latin1');
  head[4] = bits;
  head[5] = order;
  head[6] = 1;
  if (order === 1) head.writeUInt16LE(2, 16);
  if (order === 1) head.writeUInt16LE(machine, 18);
  else head.writeUInt16BE(machine, 18);
  return head;
}

test('what a program is for', () => {
  assert.equal(architectureOf(elf(62)), 'x86_64');
  assert.equal(architectureOf(elf(183)), 'aarch64');
  assert.equal(architectureOf(elf(243)), 'riscv64');
  assert.equal(architectureOf(elf(243, 1)), 'riscv32');
  assert.equal(architectureOf(elf(22, 2, 2)), 's390x');
  assert.equal(architectureOf(elf(21)), 'ppc64le');
  assert.equal(architectureOf(elf(9999)), 'machine 9999');
  assert.equal(architectureOf(Buffer.from('#!/bin/sh\n')), undefined);
  assert.equal(architectureOf(Buffer.alloc(0)), undefined);
});

test('this machine runs its own programs', () => {
  assert.ok(runsNatively(architectureOf(readFileSync(process.execPath)) ?? '', os.machine()));
  for (const [program, machine, runs] of [
    ['i686', 'x86_64', true],
    ['x86_64', 'i686', false],
    ['aarch64', 'x86_64', false],
    ['arm', 'aarch64', true],
    ['arm', 'armv7l', true],
    ['x86_64', 'aarch64', false],
  ] as const) {
    assert.equal(runsNatively(program, machine), runs, `${program} on ${machine}`);
  }
});

test('an emulator is found by what programs begin with', () => {
  const entry = (flags: string, state = 'enabled') =>
    `${state}\ninterpreter /usr/bin/qemu-aarch64-static\nflags: ${flags}\noffset 0\nmagic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n`;
  const others: [string, string][] = [
    ['python3', 'enabled\ninterpreter /usr/bin/python3\nflags:\nextension .pyc\n'],
    ['empty', ''],
  ];
  const found = emulatorOf(elf(183), new Map([...others, ['qemu-aarch64', entry('OCF')]]));
  assert.deepEqual(found, {
    name: 'qemu-aarch64',
    interpreter: '/usr/bin/qemu-aarch64-static',
    isHeld: true,
  });
  assert.equal(emulatorOf(elf(183), new Map([['qemu-aarch64', entry('OC')]]))?.isHeld, false);
  assert.equal(emulatorOf(elf(183), new Map([['qemu-aarch64', entry('F', 'disabled')]])), undefined);
  assert.equal(emulatorOf(elf(62), new Map([['qemu-aarch64', entry('F')]])), undefined);
});
