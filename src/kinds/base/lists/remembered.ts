// Lists about bases, on this machine or elsewhere: reading them, and what was read of them last.

import { fail, ok, type Result } from '../../../model/failure.ts';
import { LARGEST_TEXT, readFile } from '../../../project/inputs/read-file.ts';
import { isSameStat } from '../../../project/inputs/stat-index.ts';
import { statIfAny } from '../../../util/fs.ts';
import type { BaseInputs } from '../../kind.ts';
import { isRemote, shownPlace } from '../place.ts';

/** What is remembered of a list. */
export interface About {
  readonly name: string;
  /** Equal where the same is asked of the same list. */
  readonly origin: string;
  /** Those places of the list that are files of this machine. */
  readonly files: readonly string[];
}

/**
 * What was found in a list when it was read last: one of another machine is read again only on request, a file of this machine
 * when it changes. So a build with nothing to do needs no network, and an image that is replaced there is noticed on request.
 * @typeParam Found a value of JSON
 */
export async function remembered<Found>(
  { name, origin, files }: About,
  { index, refresh }: Pick<BaseInputs, 'index' | 'refresh'>,
  find: () => Promise<Result<Found>>,
): Promise<Result<Found>> {
  const known = refresh ? undefined : index.recall(name, origin);
  const isUnchanged = (file: string, at: number) => {
    const stat = statIfAny(file);
    return known !== undefined && stat !== undefined && isSameStat(known.stats, at, stat);
  };
  if (known && files.every(isUnchanged)) {
    index.keep(name);
    return ok(JSON.parse(known.text)); // as it was remembered below
  }
  const { now } = index; // before they are read
  const stats = files.map((file) => ({ path: file, stat: statIfAny(file) }));
  const found = await find();
  if (found.ok) index.remember(name, origin, stats, JSON.stringify(found.value), now);
  return found;
}

/**
 * The bytes of a list at a place. Fails as `usage` where there is none, or where it is too large for one, and as `host`.
 * @param what the list, for failures
 */
export async function readPlace(
  place: string,
  what: string,
  { signal, environment: { variables } }: Pick<BaseInputs, 'signal' | 'environment'>,
): Promise<Result<Buffer>> {
  if (!isRemote(place)) return readFile(place, { what, atMost: LARGEST_TEXT });
  const { DownloadError, download } = await import('../download.ts');
  const pieces = await download(place, { signal, variables, what, onProgress: () => {} });
  if (!pieces.ok) return pieces;
  const all: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of pieces.value) {
      all.push(piece);
      size += piece.length;
      if (size > LARGEST_TEXT)
        return fail('usage', `${what} is too large`, { where: { file: shownPlace(place) } });
    }
  } catch (error) {
    if (error instanceof DownloadError) return { ok: false, failure: error.failure };
    throw error;
  }
  return ok(Buffer.concat(all));
}
