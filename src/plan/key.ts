// The law of keys: the text that identifies a build, and its hash.

import { createHash } from 'node:crypto';
import type { Artifact, Key } from '../model/artifact.ts';
import type { Node } from '../model/graph.ts';
import type { Layer } from '../model/project.ts';

/** Increased when vlb itself would build something else from the same inputs. */
const SCHEMA = 1;

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
  const { diskSize, rootPartition, partitionMounts } = layer.hints;
  return [
    `schema ${SCHEMA}`,
    `kind ${layer.kind}`,
    `architecture ${process.arch}`,
    `parent ${lineage.parent?.digest ?? 'scratch'}`,
    ...lineage.mounts.map(({ artifact, target }) => `mount ${artifact.digest} ${JSON.stringify(target)}`),
    `disk-size ${diskSize ?? '-'}`,
    `root-partition ${rootPartition ?? '-'}`,
    ...Object.entries(layer.params).map(([name, value]) => `param ${JSON.stringify(`${name}=${value}`)}`),
    ...(layer.hints.noNetwork ? ['network none'] : []),
    ...partitionMounts.map((mount) => `chroot-mount p${mount.partition} ${JSON.stringify(mount.target)}`),
    manifest,
  ].join('\n');
}

/** What importing a base depends on: the file's content, and the SHA-256 that vlb.yaml requires. */
export function baseRecipe(contentHash: string): string {
  return `schema ${SCHEMA}\nkind base\ncontent ${contentHash}\n`;
}

/** SHA-256 of a recipe. */
export function keyOf(recipe: string): Key {
  return createHash('sha256').update(recipe).digest('hex') as Key; // the one place that makes keys
}
