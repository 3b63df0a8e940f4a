// The stamps of artifacts: when the bytes are believed, when they are read, and which stamp they have then.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Stats, statSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Digest } from '../../../../src/model/artifact.ts';
import { isIntact, stampDigest, stampUntilReboot } from '../../../../src/store/local/stamp.ts';
import { digestOf, Tree } from '../../../rig/tree.ts';

const CONTENT = 'content of an artifact';
const DIGEST = createHash('sha256').update(CONTENT).digest('hex') as Digest; // as the store makes it
const ARTIFACT = { name: 'main', digest: DIGEST, bytes: CONTENT.length };
const BOOT = '1234abcd';

/** A file that should be the artifact. */
class Stamped implements Disposable {
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

  hasLastingStamp(): boolean {
    const { mtimeMs } = this.stat;
    stampDigest(this.file, ARTIFACT.digest);
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

test('what has no stamp is read, and has one then', async () => {
  using stamped = new Stamped();
  assert.equal(await stamped.isIntact(), true);
  assert.ok(stamped.hasLastingStamp());
  stamped.tear();
  utimesSync(stamped.file, 1, 1);
  assert.equal(await stamped.isIntact(), false);
});

test('what has a lasting stamp is not read, whenever the machine was started', async () => {
  using stamped = new Stamped();
  stampDigest(stamped.file, ARTIFACT.digest);
  stamped.tear();
  for (const boot of [BOOT, 'fedcba98']) assert.equal(await stamped.isIntact(boot), true);
});

describe('a stamp for now', () => {
  test('counts until the machine is started again', async () => {
    using stamped = new Stamped();
    stampUntilReboot(stamped.file, ARTIFACT.digest, BOOT);
    stamped.tear();
    assert.equal(await stamped.isIntact(BOOT), true);
    assert.equal(await stamped.isIntact('fedcba98'), false);
  });

  test('becomes a lasting one when the bytes are right after that', async () => {
    using stamped = new Stamped();
    stampUntilReboot(stamped.file, ARTIFACT.digest, BOOT);
    assert.equal(await stamped.isIntact('fedcba98'), true);
    assert.ok(stamped.hasLastingStamp());
  });

  test('becomes a lasting one when the kernel had time to write it out', async () => {
    using stamped = new Stamped();
    stampUntilReboot(stamped.file, ARTIFACT.digest, BOOT);
    assert.equal(await stamped.isIntact(BOOT, older(stamped.stat, 50)), true);
    stampUntilReboot(stamped.file, ARTIFACT.digest, BOOT);
    assert.ok(!stamped.hasLastingStamp(), 'not yet');
    stampUntilReboot(stamped.file, ARTIFACT.digest, BOOT);
    assert.equal(await stamped.isIntact(BOOT, older(stamped.stat, 70)), true);
    assert.ok(stamped.hasLastingStamp());
  });

  test('is none for other bytes', async () => {
    using stamped = new Stamped();
    stampUntilReboot(stamped.file, digestOf('e'), BOOT);
    stamped.tear();
    assert.equal(await stamped.isIntact(BOOT), false);
  });

  test('is taken for a lasting one by as many as look at the same time', async () => {
    using stamped = new Stamped();
    for (let round = 0; round < 20; round++) {
      stampUntilReboot(stamped.file, ARTIFACT.digest, BOOT);
      const checks = Array.from({ length: 4 }, () => stamped.isIntact(BOOT, older(stamped.stat, 70)));
      assert.deepEqual(await Promise.all(checks), [true, true, true, true]);
    }
    assert.ok(stamped.hasLastingStamp());
  });

  test('is none any more when it is old and the bytes are others', async () => {
    using stamped = new Stamped();
    stampUntilReboot(stamped.file, ARTIFACT.digest, BOOT);
    stamped.tear();
    assert.equal(await stamped.isIntact(BOOT, older(stamped.stat, 70)), false);
  });
});
