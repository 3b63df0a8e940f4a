// The directory of a domain's disks, as a storage pool of libvirt: that works for other hosts too, and without root.

import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DOMParser } from '@xmldom/xmldom';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import { commandEnd } from '../tools.ts';
import type { Virsh } from './virsh.ts';

/** Where libvirt itself keeps disks. */
const IMAGES = '/var/lib/libvirt/images';

export interface Pool {
  readonly directory: string;
  /** Undefined where libvirt has none for the directory yet. */
  readonly name: string | undefined;
  readonly isActive: boolean;
}

/**
 * The pool that is meant. Nothing is changed. Fails as `usage` where its volumes are not files.
 * @param wanted the name of a pool, or a path; undefined for the pool `default`, or the directory of libvirt
 */
export async function findPool(virsh: Virsh, wanted: string | undefined): Promise<Result<Pool>> {
  const rows = await virsh.list(['pool-list', '--all']);
  if (!rows.ok) return rows;
  const known = rows.value.flatMap((row) => {
    const [, name, state] = /^(.+?)\s+(active|inactive)\s/.exec(row) ?? [];
    return name === undefined ? [] : [{ name, isActive: state === 'active' }];
  });
  const meant = wanted ?? (known.some(({ name }) => name === 'default') ? 'default' : IMAGES);
  if (!meant.includes('/')) {
    const pool = known.find(({ name }) => name === meant);
    if (pool) return withDirectory(virsh, pool);
    return fail('usage', `--pool ${meant}: there is no such storage pool`, {
      hint: `pools: ${known.map(({ name }) => name).join(', ') || 'none'}; or give the path of a directory`,
    });
  }
  const directory = path.resolve(meant);
  for (const one of known) {
    const pool = await withDirectory(virsh, one);
    if (pool.ok && pool.value.directory === directory) return pool;
  }
  return ok({ directory, name: undefined, isActive: false });
}

/** The types of pools whose volumes are files. */
const OF_FILES = ['dir', 'fs', 'netfs'];

async function withDirectory(
  virsh: Virsh,
  { name, isActive }: { readonly name: string; readonly isActive: boolean },
): Promise<Result<Pool>> {
  const xml = await virsh.run(['pool-dumpxml', name]);
  if (!xml.ok) return xml;
  const pool = new DOMParser().parseFromString(xml.value, 'text/xml').documentElement;
  const directory = [...(pool?.getElementsByTagName('path') ?? [])].find(
    (one) => one.parentNode?.nodeName === 'target',
  )?.textContent;
  const type = pool?.getAttribute('type') ?? '';
  if (OF_FILES.includes(type) && directory) return ok({ directory: path.resolve(directory), name, isActive });
  return fail('usage', `--pool ${name}: its volumes are not files, but of type ${type}`, {
    hint: 'give a pool of type dir, or the path of a directory',
  });
}

/** The names of the files in an active pool. */
export async function filesIn(virsh: Virsh, pool: string): Promise<Result<ReadonlySet<string>>> {
  const refreshed = await virsh.run(['pool-refresh', pool]);
  if (!refreshed.ok) return refreshed;
  const volumes = await virsh.list(['vol-list', pool]);
  return volumes.ok ? ok(new Set(volumes.value.flatMap((line) => line.split(/\s+/)[0] ?? []))) : volumes;
}

/** A pool that is in use: volumes are created in it and removed. */
export class OpenPool implements AsyncDisposable {
  readonly #virsh: Virsh;
  readonly #name: string;
  /** Whether the pool was made for this deployment. */
  readonly #isOwn: boolean;

  constructor(virsh: Virsh, name: string, isOwn: boolean) {
    this.#virsh = virsh;
    this.#name = name;
    this.#isOwn = isOwn;
  }

  /** The names of the files. */
  files(): Promise<Result<ReadonlySet<string>>> {
    return filesIn(this.#virsh, this.#name);
  }

  /**
   * Copies a file of this host to a new one in the pool. Fails as `host`, or as `interrupted`.
   * @param onProgress receives how many bytes of how many have been sent
   */
  async copy(
    source: string,
    name: string,
    signal: AbortSignal,
    onProgress: (bytes: number, total: number) => void,
  ): Promise<Result<void>> {
    try {
      const { size } = statSync(source);
      const create = [
        'vol-create-as',
        this.#name,
        name,
        String(size),
        '--allocation',
        '0',
        '--format',
        'raw',
      ];
      const created = await this.#virsh.run(create);
      if (!created.ok) return created;
      const upload = await this.#virsh.upload(name, this.#name);
      let sent = 0;
      const counter = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          sent += chunk.length;
          onProgress(sent, size);
          done(null, chunk);
        },
      });
      const ended = commandEnd(upload, 'virsh vol-upload');
      const sending = await pipeline(
        createReadStream(source, { highWaterMark: 1 << 20 }),
        counter,
        upload.stdin,
        {
          signal,
        },
      ).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (sending !== undefined) upload.kill('SIGKILL');
      const end = await ended;
      if (signal.aborted) return fail('interrupted', 'interrupted while the disk was copied');
      if (!end.ok) return end;
      return sending === undefined ? ok() : failAt(source, 'cannot copy the disk', sending);
    } catch (error) {
      return failAt(source, 'cannot copy the disk', error);
    }
  }

  /** Removes a file of the pool. */
  async remove(name: string): Promise<Result<void>> {
    const removed = await this.#virsh.run(['vol-delete', name, '--pool', this.#name]);
    return removed.ok ? ok() : removed;
  }

  /** Removes the pool that was made for this deployment, not what is in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOwn) await this.#virsh.run(['pool-destroy', this.#name]);
  }
}

/** Starts a pool, or makes one of a directory until the deployment ends. The directory is created if it is missing. */
export async function openPool(virsh: Virsh, { directory, name, isActive }: Pool): Promise<Result<OpenPool>> {
  if (name === undefined) {
    const own = `vlb-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
    const made = await virsh.run(['pool-create-as', own, 'dir', '--target', directory, '--build']);
    return made.ok ? ok(new OpenPool(virsh, own, true)) : made;
  }
  const started = isActive ? ok('') : await virsh.run(['pool-start', name, '--build']);
  return started.ok ? ok(new OpenPool(virsh, name, false)) : started;
}
