// Keeps backing chains short: every file of a chain is opened for each run and each boot. Where a layer's parent has a long
// chain, its delta is put on an ancestor further down, and has what the deltas in between changed as well.

import { statSync } from 'node:fs';
import { referenceTo } from '../kinds/disk.ts';
import { type ArtifactName, diskFile } from '../model/artifact.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { Draft } from '../model/ports/store.ts';
import { systemError } from '../util/errors.ts';
import type { Context } from './run-context.ts';

/** A chain of this many files is shortened. Each of them costs a few milliseconds a run. */
const LONG = 12;
/** Fewer files are not worth the copy. */
const FEWEST = LONG / 2;
/** Bytes: copying more would take longer than opening the files. */
const MOST_COPIED = 2 ** 30;

/**
 * How many files at the top of a parent's chain a new delta should take in. The lowest file always stays. A file larger than
 * twice what is above it stays as well, so that the same bytes are not copied again and again.
 * @param chain the sizes of the files, the topmost first, in bytes
 * @param own the size of the delta, in bytes
 */
export function filesToTakeIn(chain: readonly number[], own: number): number {
  if (chain.length < LONG) return 0;
  let [count, sum] = [0, own];
  for (const bytes of chain.slice(0, -1)) {
    if (sum + bytes > MOST_COPIED || bytes > 2 * sum) break;
    sum += bytes;
    count++;
  }
  return count < FEWEST ? 0 : count;
}

/**
 * Puts a draft on an ancestor further down if the chain of its parent is long. Returns its backing file, if that is not
 * the parent any more. Fails as `host` when qemu-img does or the store cannot be read.
 */
export async function shortenChain(
  draft: Draft,
  parent: ArtifactName,
  { host, store, signal }: Pick<Context, 'host' | 'store' | 'signal'>,
): Promise<Result<ArtifactName | undefined>> {
  try {
    const chain = store.chain(parent);
    const sizes = chain.map(({ bytes }) => bytes);
    const count = filesToTakeIn(sizes, statSync(draft.path).size);
    const ancestor = count === 0 ? undefined : chain[count];
    if (!ancestor) return ok(undefined);
    const { digest, keeping } = ancestor;
    const rebased = await host.images.rebase(draft.path, referenceTo(ancestor), signal);
    return rebased.ok ? ok({ digest, keeping }) : rebased;
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `cannot read the backing chain of ${diskFile(parent)}: ${message}`);
  }
}
