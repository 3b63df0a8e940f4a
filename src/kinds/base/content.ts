// The content of a base image as it enters keys.

import type { Digests, Growth } from '../../model/project.ts';
import { parseRecipe, recipeText, SCHEMA } from '../../model/recipe.ts';

/** The content of a base that is a local file, from its xxHash64 and the digests that it must have. */
export function fileContent(hash: string, { sha256 = '-', sha512 }: Digests): string {
  return `xxh64:${hash} sha256:${sha256}${sha512 === undefined ? '' : ` sha512:${sha512}`}`;
}

/** The content of a base that is downloaded: the digests that it must have, wherever it comes from. */
export function downloadContent({ sha256, sha512 }: Digests): string {
  const parts = [
    ...(sha256 === undefined ? [] : [`sha256:${sha256}`]),
    ...(sha512 === undefined ? [] : [`sha512:${sha512}`]),
  ];
  if (parts.length === 0) throw new Error('a base at a URL has no digest');
  return parts.join(' ');
}

/** The digests that the image must have by the recipe of its import. */
export function digestsIn(recipe: string): Digests {
  const content = parseRecipe(recipe).settings.find(({ name }) => name === 'content')?.value ?? '';
  const [sha256, sha512] = ['sha256', 'sha512'].map(
    (name) => new RegExp(`\\b${name}:([0-9a-f]+)`).exec(content)?.[1],
  );
  return { ...(sha256 && { sha256 }), ...(sha512 && { sha512 }) };
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
