// Explains why a program of an image cannot be executed: it is for another processor, and this kernel has no emulator for it.

import { lstatSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { attempt } from '../../util/errors.ts';
import { namesIn, textIfAny, withFile } from '../../util/fs.ts';
import { packageHint } from '../process/packages.ts';
import { programHead } from '../root/agent-view.ts';
import type { RootShell } from '../root/root-shell.ts';

/** The bytes of a program that are looked at: as many as an emulator's entry can have. */
const HEAD_BYTES = 256;

/** elf(5), e_machine: the name of each, as uname(1) has it, for 64 bits in little-endian order if there are others. */
const MACHINES: Readonly<Record<number, string>> = {
  3: 'i686',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv',
  258: 'loongarch64',
};

/** What distributions call them. */
const ALIASES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  i686: 'i386',
  arm: 'armhf',
};

/** The processor that a program is for, by its first bytes; undefined for anything but a program in ELF. */
export function architectureOf(head: Buffer): string | undefined {
  if (head.length < 20 || head.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
  const isLittle = head[5] === 1;
  const machine = isLittle ? head.readUInt16LE(18) : head.readUInt16BE(18);
  const name = MACHINES[machine] ?? `machine ${machine}`;
  if (name === 'riscv') return head[4] === 2 ? 'riscv64' : 'riscv32';
  if (name === 'ppc64' && isLittle) return 'ppc64le';
  return name;
}

/** Whether a processor with this name runs the programs of another one. */
export function runsNatively(program: string, machine: string): boolean {
  if (/^(x86_64|i\d86)$/.test(machine) && program === 'i686') return true;
  if (/^(aarch64|arm.*)$/.test(machine) && program === 'arm') return true;
  return program === machine;
}

/** An emulator that the kernel has for programs that begin in a certain way. */
export interface Emulator {
  /** The name of its entry in binfmt_misc. */
  readonly name: string;
  readonly interpreter: string;
  /** Whether the kernel holds it open, so that it is found in a chroot as well. */
  readonly isHeld: boolean;
}

/** The emulator for a program among the entries of binfmt_misc, as its documentation in the kernel has them. */
export function emulatorOf(head: Buffer, entries: ReadonlyMap<string, string>): Emulator | undefined {
  for (const [name, text] of entries) {
    const field = (key: string) => new RegExp(`^${key}:? (.*)$`, 'm').exec(text)?.[1];
    const magic = Buffer.from(field('magic') ?? '', 'hex');
    if (!/^enabled$/m.test(text) || magic.length === 0) continue;
    const mask = Buffer.from(field('mask') ?? 'ff'.repeat(magic.length), 'hex');
    const at = Number(field('offset') ?? 0);
    const bits = (byte: number | undefined, index: number) => (byte ?? 0) & (mask[index] ?? 0);
    if (!magic.every((byte, index) => bits(byte, index) === bits(head[at + index], index))) continue;
    return { name, interpreter: field('interpreter') ?? '', isHeld: (field('flags') ?? '').includes('F') };
  }
  return undefined;
}

const REGISTERED = '/proc/sys/fs/binfmt_misc';

function registered(): ReadonlyMap<string, string> {
  const names = namesIn(REGISTERED).filter((name) => name !== 'register' && name !== 'status');
  return new Map(names.map((name) => [name, textIfAny(path.join(REGISTERED, name)) ?? '']));
}

/**
 * Fails as `host` when a program that a script of the image needs is for another processor and nothing runs it here.
 * @param script the script on this machine, if it has one; it is read if it is a regular file
 */
export async function checkArchitecture(
  shell: RootShell,
  root: string,
  script: string,
): Promise<Result<void>> {
  const own = attempt(() =>
    lstatSync(script).isFile() ? withFile(script, (read) => read(0, HEAD_BYTES)) : undefined,
  );
  const interpreter = /^#!\s*(\/\S+)/.exec(own?.toString('latin1') ?? '')?.[1] ?? '/bin/sh';
  const programs = [{ what: 'the script', head: own ?? Buffer.alloc(0) }];
  for (const program of new Set(['/bin/sh', interpreter])) {
    const head = await programHead(shell, root, program, HEAD_BYTES);
    if (!head.ok) return head;
    programs.push({ what: 'the image', head: head.value });
  }
  for (const { what, head } of programs) {
    const architecture = architectureOf(head);
    if (architecture === undefined || runsNatively(architecture, os.machine())) continue;
    const emulator = emulatorOf(head, registered());
    const message = `${what} is for ${named(architecture)}, and this machine is ${named(os.machine())}`;
    if (!emulator) {
      const hint = `${packageHint('qemu-user-static')}; the kernel runs the programs of the image with it then`;
      return fail('host', message, { hint });
    }
    if (emulator.isHeld) continue;
    const inside = await programHead(shell, root, emulator.interpreter, HEAD_BYTES);
    if (!inside.ok) return inside;
    if (inside.value.length > 0) continue;
    return fail('host', `${message}; its emulator ${emulator.interpreter} is not found in a chroot`, {
      hint: `register ${emulator.name} in ${REGISTERED} with the flag F, as qemu-user-static does (${packageHint('qemu-user-static')})`,
    });
  }
  return ok();
}

function named(architecture: string): string {
  const alias = ALIASES[architecture];
  return alias === undefined ? architecture : `${architecture} (${alias})`;
}
