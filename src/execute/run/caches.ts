// Directories that persist between builds (`# vlb: cache-dir`), in the store's caches/: one for each target and
// architecture, used by one run at a time.

import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Cache } from '../../kinds/kind.ts';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { Platform } from '../../model/platform.ts';
import type { Layer } from '../../model/project.ts';
import { ownerText } from '../../util/owner-text.ts';
import type { Context } from '../run-context.ts';

export interface LockedCaches extends Disposable {
  readonly all: readonly Cache[];
}

/**
 * The caches of a layer, locked until they are disposed of; waits for those that another run uses, and emits a note.
 * Fails as `host` when they cannot be created, as `interrupted` on the context's signal.
 */
export async function lockCaches(layer: Layer, context: Context): Promise<Result<LockedCaches>> {
  const locked = new Locked();
  // In the same order everywhere, so that no two runs wait for each other.
  for (const target of [...layer.hints.cacheDirs].sort()) {
    const added = await locked.add(target, layer, context);
    if (added.ok) continue;
    locked[Symbol.dispose]();
    return added;
  }
  return ok(locked);
}

class Locked implements LockedCaches {
  readonly all: Cache[] = [];
  readonly #locks: Disposable[] = [];

  async add(target: string, layer: Layer, context: Context): Promise<Result<void>> {
    const name = cacheName(target, layer.platform);
    const onWait = (owner: string) => noteWait(layer, target, owner, context);
    const locked = await context.store.lock(`cache-${name}`, onWait, context.signal);
    if (!locked.ok) return locked;
    if (!locked.value) return fail('interrupted', `layer ${layer.name} was interrupted`);
    this.#locks.push(locked.value);
    const directory = path.join(context.paths.store, 'caches');
    const source = path.join(directory, name);
    this.all.push({ source, target });
    try {
      // Not accessible to other users: what scripts leave there belongs to root and may be set-user-ID.
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      mkdirSync(source, { recursive: true });
      return ok();
    } catch (error) {
      return failAt(source, `cannot create the cache-dir of layer ${layer.name}`, error);
    }
  }

  [Symbol.dispose](): void {
    for (const lock of this.#locks.splice(0)) lock[Symbol.dispose]();
  }
}

/** A readable directory name that no other target has. */
function cacheName(target: string, { architecture }: Platform): string {
  const place = path.posix.normalize(target).replace(/\/$/, '');
  const words = place.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-/, '');
  const hash = createHash('sha256').update(place).digest('hex').slice(0, 8);
  return `${architecture}-${words.slice(0, 60)}-${hash}`;
}

function noteWait(layer: Layer, target: string, owner: string, context: Context): void {
  const user = owner === context.owner ? 'another layer' : ownerText(owner, context.owner);
  const message = `${layer.name} is waiting for its cache-dir ${target}, which ${user} is using`;
  context.emit({ type: 'note', message });
}
