// The seals of artifacts: when the bytes are believed, when they are read, and which seal they have then.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Stats, statSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Digest } from '../../../../src/model/artifact.ts';
import { isIntact, seal, sealForNow } from '../../../../src/store/local/seal.ts';
import { digestOf, Tree } from '../../../rig/tree.ts';

const CONTENT = 'content of an artifact';
const DIGEST = createHash('sha256').update(CONTENT).digest('hex') as Digest; // as the store makes it
const ARTIFACT = { digest: DIGEST, keeping: 'cached', bytes: CONTENT.length } as const;
const BOOT = '1234abcd';

/** A file that should be the artifact. */
class Sealed implements Disposable {
  readonly #tree = new Tree({ file: CONTENT });
  readonly file = this.#tree.path('file');

  get stat(): Stats {
    return statSync(this.file);
  }

  /** Other bytes; the time of the file stays. */
  tear(): void {
    const { mtime } = this.stat;
    writeFileSync(this.file, CONTENT.toUpperCase());
    utimesSync(this.file, mtime, mtime);
  }

  isIntact(boot = BOOT, stat = this.stat): Promise<boolean> {
    return isIntact(this.file, stat, ARTIFACT, () => boot);
  }

  hasLastingSeal(): boolean {
    const { mtimeMs } = this.stat;
    seal(this.file, ARTIFACT.digest);
    return mtimeMs === this.stat.mtimeMs;
  }

  [Symbol.dispose](): void {
    this.#tree[Symbol.dispose]();
  }
}

/** As if so many seconds had passed since somebody touched the file. */
function older(stat: Stats, seconds: number): Stats {
  return Object.assign(stat, { ctimeMs: stat.ctimeMs - seconds * 1000 });
}

test('what has no seal is read, and has one then', async () => {
  using sealed = new Sealed();
  assert.equal(await sealed.isIntact(), true);
  assert.ok(sealed.hasLastingSeal());
  sealed.tear();
  utimesSync(sealed.file, 1, 1);
  assert.equal(await sealed.isIntact(), false);
});

test('what has a lasting seal is not read, whenever the machine was started', async () => {
  using sealed = new Sealed();
  seal(sealed.file, ARTIFACT.digest);
  sealed.tear();
  for (const boot of [BOOT, 'fedcba98']) assert.equal(await sealed.isIntact(boot), true);
});

describe('a seal for now', () => {
  test('counts until the machine is started again', async () => {
    using sealed = new Sealed();
    sealForNow(sealed.file, ARTIFACT.digest, BOOT);
    sealed.tear();
    assert.equal(await sealed.isIntact(BOOT), true);
    assert.equal(await sealed.isIntact('fedcba98'), false);
  });

  test('becomes a lasting one when the bytes are right after that', async () => {
    using sealed = new Sealed();
    sealForNow(sealed.file, ARTIFACT.digest, BOOT);
    assert.equal(await sealed.isIntact('fedcba98'), true);
    assert.ok(sealed.hasLastingSeal());
  });

  test('becomes a lasting one when the kernel had time to write it out', async () => {
    using sealed = new Sealed();
    sealForNow(sealed.file, ARTIFACT.digest, BOOT);
    assert.equal(await sealed.isIntact(BOOT, older(sealed.stat, 50)), true);
    sealForNow(sealed.file, ARTIFACT.digest, BOOT);
    assert.ok(!sealed.hasLastingSeal(), 'not yet');
    sealForNow(sealed.file, ARTIFACT.digest, BOOT);
    assert.equal(await sealed.isIntact(BOOT, older(sealed.stat, 70)), true);
    assert.ok(sealed.hasLastingSeal());
  });

  test('is none for other bytes', async () => {
    using sealed = new Sealed();
    sealForNow(sealed.file, digestOf('e'), BOOT);
    sealed.tear();
    assert.equal(await sealed.isIntact(BOOT), false);
  });

  test('is taken for a lasting one by as many as look at the same time', async () => {
    using sealed = new Sealed();
    for (let round = 0; round < 20; round++) {
      sealForNow(sealed.file, ARTIFACT.digest, BOOT);
      const looks = Array.from({ length: 4 }, () => sealed.isIntact(BOOT, older(sealed.stat, 70)));
      assert.deepEqual(await Promise.all(looks), [true, true, true, true]);
    }
    assert.ok(sealed.hasLastingSeal());
  });

  test('is none any more when it is old and the bytes are others', async () => {
    using sealed = new Sealed();
    sealForNow(sealed.file, ARTIFACT.digest, BOOT);
    sealed.tear();
    assert.equal(await sealed.isIntact(BOOT, older(sealed.stat, 70)), false);
  });
});
