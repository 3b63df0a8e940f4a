// The directory of one boot, with QEMU's overlay, its sockets and the seed, or of another look at a disk for which there is no
// project to have it; gone when that is over.

import { accessSync, constants, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { systemError } from '../../util/errors.ts';
import { ownerIsAlive, ownerName } from './owner.ts';

export interface Scratch extends Disposable {
  readonly path: string;
}

const PREFIX = 'vlb-boot-';

/**
 * Makes a directory that only this user enters, and removes those of commands that were killed.
 * Fails as `host` when none can be made.
 */
export function makeScratch(): Result<Scratch> {
  const place = scratchPlace();
  removeLeftovers(place);
  try {
    const made = mkdtempSync(path.join(place, `${PREFIX}${ownerName()}-`));
    return ok({ path: made, [Symbol.dispose]: () => rmSync(made, { recursive: true, force: true }) });
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `no temporary directory can be made: ${message}`, {
      where: { file: place },
      hint: 'set TMPDIR to a directory that can be written to',
    });
  }
}

/** A guest can write gigabytes to its overlay, and /tmp is often memory: without a TMPDIR, /var/tmp comes first. */
function scratchPlace(): string {
  if (process.env['TMPDIR']) return path.resolve(process.env['TMPDIR']);
  try {
    accessSync('/var/tmp', constants.W_OK);
    return '/var/tmp';
  } catch {
    return tmpdir();
  }
}

function removeLeftovers(place: string): void {
  try {
    for (const name of readdirSync(place)) {
      if (!name.startsWith(PREFIX) || ownerIsAlive(name.slice(PREFIX.length))) continue;
      const leftover = path.join(place, name);
      if (lstatSync(leftover).uid === process.getuid?.()) rmSync(leftover, { recursive: true, force: true });
    }
  } catch {
    // It is another process's turn to remove it, or nobody can; no boot fails for that.
  }
}
