// A store and the outputs of a project that are only maps, for plans to be made over.

import {
  type Artifact,
  type BuildRecord,
  type Digest,
  type Key,
  mainDisk,
  type Retention,
} from '../../../src/model/artifact.ts';
import type { Identity, Node } from '../../../src/model/graph.ts';
import type { Plan } from '../../../src/model/plan.ts';
import type { InPlace, Store } from '../../../src/model/ports/store.ts';
import { keyOf } from '../../../src/model/recipe.ts';
import { artifactOf, digestOf } from '../../rig/tree.ts';

/** A store and the outputs of one project. What a plan must not do throws. */
export class World implements Store, InPlace {
  readonly artifactDirectory = '/store';
  readonly records = new Map<Key, BuildRecord>();
  readonly artifacts = new Set<Digest>();
  readonly links = new Map<string, Digest>();
  readonly uncachedRecords = new Map<string, BuildRecord>();
  /** What a layer's script and files are, as far as its recipe goes. */
  readonly inputs = new Map<string, string>();
  readonly asked: string[] = [];

  recipeOf = (node: Node, known: ReadonlyMap<string, Identity>): string | undefined => {
    const name = node.type === 'layer' ? node.parent : undefined;
    const parent = name === undefined ? undefined : known.get(name);
    if (name !== undefined && !parent) return undefined;
    this.asked.push(node.name);
    const own = `layer ${node.name}\nscript ${this.inputs.get(node.name) ?? '-'}`;
    return `${own}\nparent ${parent ? mainDisk(parent).digest : 'scratch'}`;
  };

  logOf = (): string => {
    throw new Error('a plan reads no logs');
  };

  async lookup(key: Key) {
    return this.records.get(key);
  }
  async has(artifact: Artifact) {
    return this.artifacts.has(mainDisk(artifact).digest);
  }
  async linked(layer: string) {
    return this.links.get(layer);
  }
  async last(layer: string) {
    return this.uncachedRecords.get(layer);
  }
  draft = never;
  lease = never;
  examine = never;
  chain = (): never => {
    throw new Error('a plan reads no chains');
  };
  noteUse = never;
  release = never;
  evict = never;
  drop = never;
  lock = never;
  forget = never;
  recordsLike = never;
  save = never;
  link = never;

  /** Builds all of a plan, the way an execution would: each layer's bytes are a digit of `digits`. */
  read = (): AsyncIterable<Buffer> => {
    throw new Error('a plan reads no artifacts');
  };

  build(plan: Plan, digits: string): void {
    const done = new Map<string, Artifact>();
    for (const [index, { node, keeping }] of plan.entries()) {
      const digest = digestOf(digits.charAt(index));
      const artifact = artifactOf(digest, keeping);
      const record = recordOf(node.name, this.recipeOf(node, done) ?? '', artifact, keeping);
      if (keeping === 'cached') this.records.set(record.key, record);
      else this.uncachedRecords.set(node.name, record);
      this.artifacts.add(digest);
      if (node.type === 'layer') this.links.set(node.name, digest);
      done.set(node.name, artifact);
    }
    this.asked.length = 0;
  }
}

function never(): never {
  throw new Error('a plan changes nothing');
}

function recordOf(layer: string, recipe: string, artifact: Artifact, keeping: Retention): BuildRecord {
  const about = { seconds: 1, created: '2020-01-01T00:00:00.000Z', recipe, parent: null };
  return { key: keyOf(recipe), layer, artifact: { ...artifact, keeping }, ...about };
}
