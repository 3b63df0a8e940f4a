// A base that is a file of this machine.

import { readlinkSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Base } from '../../model/project.ts';
import { unreadable } from '../../project/inputs/read-file.ts';
import { isSameStat } from '../../project/inputs/stat-index.ts';
import { attempt } from '../../util/errors.ts';
import { statIfAny } from '../../util/fs.ts';
import type { BaseInputs, BaseKind } from '../kind.ts';
import { baseRecipe, digestsIn, fileContent } from './content.ts';
import { digestFiles, expectedDigests } from './lists/digests.ts';

/** The kind of a base that is a file: its key is computed from its content, wherever it is. */
export function fileBase(base: Extract<Base, { type: 'file' }>): BaseKind {
  const { path: file, growth } = base;
  return {
    files: [file, ...digestFiles(base)],
    isListed: base.checksums !== undefined,
    recipe: async (inputs) => {
      const hash = await hashOf(file, inputs);
      if (!hash.ok) return hash;
      const digests = await expectedDigests(base, inputs);
      return digests.ok ? ok(baseRecipe(fileContent(hash.value, digests.value), growth)) : digests;
    },
    import: async (run) => {
      const { importImage } = await import('./image.ts');
      const open = async () => ok(await run.host.images.read(file, run.signal));
      const digests = digestsIn(run.recipe);
      // The file may have changed since it was planned.
      const recipeOf = (hash: string) => baseRecipe(fileContent(hash, digests), growth);
      return importImage({ ...base, place: file, digests, open, recipeOf }, run);
    },
  };
}

/**
 * The xxHash64 of a file, from the stat index if it is unchanged.
 * @param what the file, for failures
 */
export async function hashOf(
  file: string,
  { name, directory, index, loadHasher, read, signal }: BaseInputs,
  what = 'the base image',
): Promise<Result<string>> {
  const stat = statIfAny(file);
  const target = stat ? undefined : attempt(() => readlinkSync(file));
  if (target !== undefined) {
    return fail('usage', `${what} is a link to ${target}, which does not exist`, {
      where: { file },
      hint: target.includes('/annex/objects/')
        ? `get the image: git annex get ${path.basename(file)}`
        : 'check base: in vlb.yaml, and the link',
    });
  }
  if (!stat?.isFile()) {
    const wrong = stat?.isDirectory()
      ? 'is not a file: it is a directory'
      : stat
        ? 'is not a file'
        : 'does not exist';
    return fail('usage', `${what} ${wrong}`, {
      where: { file },
      hint: 'check base: in vlb.yaml (paths are relative to the project)',
    });
  }
  const origin = path.relative(directory, file);
  const remembered = index.recall(name, origin);
  if (remembered && isSameStat(remembered.stats, 0, stat)) {
    index.keep(name);
    return ok(remembered.text);
  }
  const { now } = index; // before it is read
  let hash: string;
  try {
    const pieces = (await loadHasher()).hashPieces();
    for await (const piece of await read(file, signal)) pieces.update(piece);
    hash = pieces.digest();
  } catch (error) {
    return unreadable(what, file, error);
  }
  index.remember(name, origin, [{ path: origin, stat }], hash, now);
  return ok(hash);
}
