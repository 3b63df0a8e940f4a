// The content of a base image as it enters keys.

import type { Growth } from '../../model/project.ts';
import { recipeText, SCHEMA } from '../../model/recipe.ts';

/** The content of a base that is a local file, from its xxHash64 and the SHA-256 that vlb.yaml requires. */
export function fileContent(hash: string, sha256: string | undefined): string {
  return `xxh64:${hash} sha256:${sha256 ?? '-'}`;
}

/** The content of a base that is downloaded: the SHA-256 that vlb.yaml requires, wherever it comes from. */
export function downloadContent(sha256: string): string {
  return `sha256:${sha256}`;
}

/** The recipe of importing a base with this content, and growing its disk. */
export function baseRecipe(content: string, growth?: Growth): string {
  const settings = [
    { name: 'content', value: content },
    ...(growth ? [{ name: 'size', value: String(growth.size) }] : []),
    ...(growth?.expand === undefined ? [] : [{ name: 'expand', value: String(growth.expand) }]),
  ];
  return recipeText({ schema: SCHEMA, kind: 'base', mounts: [], settings, manifest: '' });
}
