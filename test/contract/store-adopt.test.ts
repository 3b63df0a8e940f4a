// What another machine made becomes the store's: flushed or not, and what is here already stays.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { artifactFile, type BuildRecord, type Digest, type Key, mainDisk } from '../../src/model/artifact.ts';
import { keyOf } from '../../src/model/recipe.ts';
import { stampDigest } from '../../src/store/local/stamp.ts';
import { openStore } from '../rig/store.ts';
import { artifactOf, Tree, valueIn } from '../rig/tree.ts';

const { signal } = new AbortController();

/** A store, and an image that comes from elsewhere. */
class Arriving implements Disposable {
  readonly #tree = new Tree();
  readonly image = this.#tree.path('image.qcow2');
  readonly store = valueIn(
    openStore({ directory: this.#tree.path('store'), owner: '1-x.b', isAlive: () => true }),
  );
  readonly digest: Digest;

  constructor() {
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', this.image, '1M']);
    this.digest = createHash('sha256').update(readFileSync(this.image)).digest('hex') as Digest; // of an artifact
  }

  async adopt(key: Key, flush: boolean): Promise<BuildRecord> {
    const record: BuildRecord = {
      key,
      layer: '10_base',
      parent: null,
      recipe: 'one',
      artifact: artifactOf(this.digest, 'cached', statSync(this.image).size),
      seconds: 1,
      created: new Date().toISOString(),
    };
    await using draft = valueIn(await this.store.draft());
    copyFileSync(this.image, draft.path);
    valueIn(await draft.adopt(record, { flush, signal }));
    assert.deepEqual(await this.store.lookup(key), record);
    return record;
  }

  /** Which file it is, and whether its stamp is a lasting one. */
  state({ artifact }: BuildRecord) {
    const file = `${this.store.artifactDirectory}/${artifactFile(artifact)}`;
    const { ino, mtimeMs } = statSync(file);
    stampDigest(this.image, mainDisk(artifact).digest);
    return { ino, isLasting: mtimeMs === statSync(this.image).mtimeMs };
  }

  [Symbol.dispose](): void {
    this.#tree[Symbol.dispose]();
  }
}

for (const flush of [false, true]) {
  test(`what is ${flush ? '' : 'not '}flushed has a stamp that ${flush ? 'lasts' : 'passes'}`, async () => {
    using arriving = new Arriving();
    assert.equal(arriving.state(await arriving.adopt(keyOf('one'), flush)).isLasting, flush);
  });
}

test('an artifact that is here already is not replaced by one that nobody flushed', async () => {
  using arriving = new Arriving();
  const before = arriving.state(await arriving.adopt(keyOf('one'), true));
  const after = arriving.state(await arriving.adopt(keyOf('two'), false));
  assert.deepEqual(after, before);
  assert.ok(after.isLasting);
});
