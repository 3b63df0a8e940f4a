// The law of keys: the text that identifies a build of a layer. Its hash is the key.

import { kindOf } from '../kinds/registry.ts';
import { furtherDisks, mainDisk } from '../model/artifact.ts';
import type { Identity, Lineage } from '../model/graph.ts';
import type { Layer } from '../model/project.ts';
import { PARENT_DISK, recipeText, SCHEMA, type Setting } from '../model/recipe.ts';

/**
 * Everything a layer's build depends on, as one canonical text: the key is its hash, explanations compare it.
 * The parent is in it as the digest of its bytes, never as its key: building the same key twice gives different
 * bytes, and a delta is valid only over the exact bytes that it was built on.
 * @param manifest its text, see src/model/manifest.ts
 */
export function layerRecipe(layer: Layer, manifest: string, lineage: Lineage<Identity>): string {
  return recipeText({
    schema: SCHEMA,
    kind: layer.kind,
    platform: layer.platform,
    parent: lineage.parent ? mainDisk(lineage.parent).digest : 'scratch',
    mounts: lineage.mounts.map(({ artifact, target }) => ({ digest: mainDisk(artifact).digest, target })),
    settings: [...furtherParents(lineage), ...kindOf(layer).settings(layer)],
    manifest,
  });
}

/** The further disks of the parent. A mounted layer shows its main disk only. */
function furtherParents({ parent }: Lineage<Identity>): readonly Setting[] {
  if (!parent) return [];
  return furtherDisks(parent).map(({ name: of, digest: value }) => ({ name: PARENT_DISK, of, value }));
}
