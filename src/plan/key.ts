// The law of keys: the text that identifies a build, and its hash.

import { createHash } from 'node:crypto';
import type { Artifact, Key } from '../model/artifact.ts';
import type { Node } from '../model/graph.ts';
import type { Layer } from '../model/project.ts';
import { recipeText, SCHEMA } from '../model/recipe.ts';

/** The artifacts that a layer's run depends on: its parent, and those that it mounts. */
export interface Lineage {
  readonly parent: Artifact | undefined;
  readonly mounts: readonly { readonly artifact: Artifact; readonly target: string }[];
}

/** The lineage of a node, out of all artifacts that are known so far; undefined while one is missing. */
export function lineageOf(node: Node, known: ReadonlyMap<string, Artifact>): Lineage | undefined {
  if (node.type === 'base') return { parent: undefined, mounts: [] };
  const parent = node.parent === undefined ? undefined : known.get(node.parent);
  if (node.parent !== undefined && !parent) return undefined;
  const mounts: { artifact: Artifact; target: string }[] = [];
  for (const { name, target } of node.mounts) {
    const artifact = known.get(name);
    if (!artifact) return undefined;
    mounts.push({ artifact, target });
  }
  return { parent, mounts };
}

/**
 * Everything a layer's build depends on, as one canonical text: the key is its hash, explanations compare it.
 * The parent is in it as the digest of its bytes, never as its key: building the same key twice gives different
 * bytes, and a delta is valid only over the exact bytes that it was built on.
 * @param manifest its text, see src/model/manifest.ts
 */
export function layerRecipe(layer: Layer, manifest: string, lineage: Lineage): string {
  const { diskSize, rootPartition, noNetwork, partitionMounts } = layer.hints;
  return recipeText({
    schema: SCHEMA,
    kind: layer.kind,
    platform: layer.platform,
    parent: lineage.parent?.digest ?? 'scratch',
    mounts: lineage.mounts.map(({ artifact, target }) => ({ digest: artifact.digest, target })),
    settings: [
      { name: 'disk-size', value: String(diskSize ?? '-') },
      { name: 'root-partition', value: String(rootPartition ?? '-') },
      ...Object.entries(layer.params).map(([of, value]) => ({ name: 'param', of, value })),
      ...(noNetwork ? [{ name: 'network', value: 'none' }] : []),
      ...partitionMounts.map((mount) => ({
        name: 'chroot-mount',
        of: mount.target,
        value: `p${mount.partition}`,
      })),
    ],
    manifest,
  });
}

/** What importing a base depends on: the file's content, and the SHA-256 that vlb.yaml requires. */
export function baseRecipe(contentHash: string): string {
  const settings = [{ name: 'content', value: contentHash }];
  return recipeText({ schema: SCHEMA, kind: 'base', mounts: [], settings, manifest: '' });
}

/** SHA-256 of a recipe. */
export function keyOf(recipe: string): Key {
  return createHash('sha256').update(recipe).digest('hex') as Key; // the one place that makes keys
}
