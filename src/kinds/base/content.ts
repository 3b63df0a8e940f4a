// The content of a base image as it enters keys.

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { BASE_NAME } from '../../model/graph.ts';
import type { Base } from '../../model/project.ts';
import { recipeText, SCHEMA } from '../../model/recipe.ts';
import type { LoadHasher } from '../../project/inputs/hash.ts';
import { unreadable } from '../../project/inputs/read-file.ts';
import { isSameStat, type StatIndex } from '../../project/inputs/stat-index.ts';
import { statIfAny } from '../../util/fs.ts';

/**
 * What a base's key is computed from: the declared sha256 of a download, or the hash of a local file.
 * Fails as `usage` when the file is missing or cannot be read.
 */
export async function baseContent(
  base: Base,
  projectDirectory: string,
  index: StatIndex,
  loadHasher: LoadHasher,
): Promise<Result<string>> {
  if (base.type === 'url') return ok(`sha256:${base.sha256}`);
  const stat = statIfAny(base.path);
  if (!stat?.isFile()) {
    return fail('usage', stat ? 'the base image is not a file' : 'the base image does not exist', {
      where: { file: base.path },
      hint: 'check base: in vlb.yaml (paths are relative to the project)',
    });
  }
  const origin = path.relative(projectDirectory, base.path);
  const remembered = index.recall(BASE_NAME, origin);
  let hash: string;
  if (remembered && isSameStat(remembered.stats, 0, stat)) {
    hash = remembered.text;
    index.keep(BASE_NAME);
  } else {
    const { now } = index; // before it is read
    try {
      hash = (await loadHasher()).hashFile(base.path);
    } catch (error) {
      return unreadable('the base image', base.path, error);
    }
    index.remember(BASE_NAME, origin, [{ path: origin, stat }], hash, now);
  }
  return ok(fileContent(hash, base.sha256));
}

/** The content of a base that is a local file, from its xxHash64. */
export function fileContent(hash: string, sha256: string | undefined): string {
  return `xxh64:${hash} sha256:${sha256 ?? '-'}`;
}

/** The recipe of importing a base: the file's content, and the SHA-256 that vlb.yaml requires. */
export function baseRecipe(contentHash: string): string {
  const settings = [{ name: 'content', value: contentHash }];
  return recipeText({ schema: SCHEMA, kind: 'base', mounts: [], settings, manifest: '' });
}

/** The files of this machine that a base is read from. */
export function baseFiles(base: Base | undefined): readonly string[] {
  return base?.type === 'file' ? [base.path] : [];
}
