// A project whose store holds files with the header of a qcow2 and nothing else.

import { readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { type Artifact, artifactFile, type Retention } from '../../../src/model/artifact.ts';
import type { InPlace } from '../../../src/model/ports/store.ts';
import { keyOf } from '../../../src/model/recipe.ts';
import { openInPlace } from '../../../src/store/in-place/in-place.ts';
import { storePlaces } from '../../../src/store/names.ts';
import { dropUnused } from '../../../src/store/upkeep/collect.ts';
import { artifactOf, digestOf, Tree, valueIn } from '../../rig/tree.ts';

export class Place implements Disposable {
  readonly tree = new Tree({ 'p/': '' });
  readonly artifacts: string;
  readonly inPlace: InPlace;

  constructor(artifacts = 'p/.vlb/store/sha256') {
    this.artifacts = this.tree.path(artifacts);
    const [project, build, state] = [
      this.tree.path('p'),
      this.tree.path('p/build'),
      this.tree.path('p/.vlb'),
    ];
    const directory = path.dirname(this.artifacts);
    this.inPlace = openInPlace({
      project,
      build,
      state,
      artifacts: this.artifacts,
      drop: (names) =>
        dropUnused(names, {
          directory,
          places: storePlaces(directory),
          project: { project, build, state },
          owner: '1-1.aaaaaaaa',
          isAlive: () => true,
        }),
    });
  }

  artifact(digit: string, parent?: Artifact, keeping: Retention = 'cached'): Artifact {
    const artifact = artifactOf(digestOf(digit), keeping, 104);
    const name = path.relative(this.tree.directory, path.join(this.artifacts, artifactFile(artifact)));
    this.tree.write({ [name]: qcow2(parent && `./${artifactFile(parent)}`) });
    return artifact;
  }

  /** Links a chain: `10_l1`, `20_l2` and so on. */
  async link(
    artifacts: readonly Artifact[],
    image: 'link' | 'keep-flat' | 'keep' = 'link',
    named: ReadonlyMap<string, Artifact | undefined> = new Map(),
    all?: readonly string[],
  ) {
    const last = artifacts.at(-1);
    return this.inPlace.link(
      artifacts.map((artifact, index) => ({ layer: `${index + 1}0_l${index + 1}`, artifact })),
      last && image !== 'keep' ? { artifact: last, flat: image === 'keep-flat' } : undefined,
      named,
      all,
    );
  }

  async saveUncached(layer: string, artifact: Artifact): Promise<void> {
    const about = { seconds: 1, created: '', recipe: '', parent: null };
    valueIn(
      await this.inPlace.save(layer, { key: keyOf(artifactFile(artifact)), layer, artifact, ...about }),
    );
  }

  get links(): Record<string, string> {
    const names = readdirSync(this.tree.path('p/build')).sort();
    return Object.fromEntries(names.map((name) => [name, readlinkSync(this.tree.path('p/build', name))]));
  }

  [Symbol.dispose](): void {
    this.tree[Symbol.dispose]();
  }
}

function qcow2(backing = ''): Buffer {
  const header = Buffer.alloc(104);
  header.write('QFI\xfb', 'latin1');
  header.writeBigUInt64BE(backing === '' ? 0n : 104n, 8);
  header.writeUInt32BE(backing.length, 16);
  return Buffer.concat([header, Buffer.from(backing)]);
}
