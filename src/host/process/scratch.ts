// Temporary directories for boots and for comparing disks outside of a project; removed at the end.

import { constants, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import { canonicalPath, isAllowed, isMisread } from '../../util/fs.ts';
import { ownerIsAlive, ownerName } from './owner.ts';

export interface Scratch extends Disposable {
  readonly path: string;
}

const PREFIX = 'vlb-boot-';

/**
 * Creates a directory that only this user can enter, and removes those of killed commands.
 * Fails as `host` when it cannot be created.
 */
export function makeScratch(): Result<Scratch> {
  const place = canonicalPath(scratchPlace());
  if (isMisread(place)) {
    return fail('host', 'the path of the temporary directory is not valid UTF-8', {
      where: { file: place },
      hint: 'set TMPDIR to another directory',
    });
  }
  removeLeftovers(place);
  try {
    const made = mkdtempSync(path.join(place, `${PREFIX}${ownerName()}-`));
    return ok({ path: made, [Symbol.dispose]: () => rmSync(made, { recursive: true, force: true }) });
  } catch (error) {
    return failAt(place, 'cannot create a temporary directory', error, 'set TMPDIR to a writable directory');
  }
}

/** TMPDIR, or else /var/tmp before /tmp: a guest can write gigabytes to its overlay, and /tmp is often memory. */
function scratchPlace(): string {
  if (process.env['TMPDIR']) return path.resolve(process.env['TMPDIR']);
  return isAllowed('/var/tmp', constants.W_OK) ? '/var/tmp' : tmpdir();
}

function removeLeftovers(place: string): void {
  try {
    for (const name of readdirSync(place)) {
      const leftover = path.join(place, name);
      if (!name.startsWith(PREFIX) || ownerIsAlive(name.slice(PREFIX.length), leftover)) continue;
      if (lstatSync(leftover).uid === process.getuid?.()) rmSync(leftover, { recursive: true, force: true });
    }
  } catch {
    // Another process removes it, or it cannot be removed; a boot does not fail because of that.
  }
}
