// What several exports of one machine have in common is made once: disks in the same form, archives of layers. Each file is kept
// under a second name, beside the exports, until another machine is exported or the run ends.

import { constants, linkSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { ok, type Result } from '../../model/failure.ts';
import type { ExportDisk } from '../../model/ports/exporter.ts';
import type { ConvertTo, Images } from '../../model/ports/machine.ts';
import { attempt } from '../../util/errors.ts';

/** The name of the directory beside the exports of a machine. @param owner of the run: one that is dead has left it behind */
export function sharedName(owner: string): string {
  return `${SHARED_PREFIX}${owner}`;
}

export const SHARED_PREFIX = '.shared-';

export class SharedDisks implements Disposable {
  readonly #images: Pick<Images, 'convert' | 'digest'>;
  readonly #owner: string;
  /** Absolute path of the directory that has the conversions. */
  #directory: string | undefined;
  /** The files of the conversions, by what they contain and how. */
  readonly #files = new Map<string, string>();
  /** What has been written, by the absolute path of the file: the name of the conversion, and how the file was then. */
  readonly #written = new Map<string, { readonly name: string; readonly state: string }>();
  /** By the name of the conversion. */
  readonly #digests = new Map<string, string>();

  constructor(images: Pick<Images, 'convert' | 'digest'>, owner: string) {
    this.#images = images;
    this.#owner = owner;
  }

  /**
   * Writes a disk to a file as `Images.convert` does, or copies what it wrote before.
   * @param place absolute path of the directory with the exports of the machine
   */
  async convert(
    place: string,
    disk: ExportDisk,
    target: string,
    signal: AbortSignal,
    { onProgress, ...to }: ConvertTo,
  ): Promise<Result<void>> {
    const progress = onProgress ? { onProgress } : {};
    const made = () => this.#images.convert(disk.source, 'qcow2', target, signal, { ...to, ...progress });
    // A raw disk is written faster than it is copied, since a copy loses its holes.
    if (to.format === 'raw') return made();
    const name = JSON.stringify([disk.content, disk.size, to]);
    const earlier = this.#find(place, name);
    if (earlier !== undefined && !signal.aborted && (await copied(earlier, target))) {
      onProgress?.(1);
      this.#written.set(target, { name, state: stateOf(target) });
      return ok();
    }
    const done = await made();
    if (done.ok) {
      this.#keep(name, target);
      this.#written.set(target, { name, state: stateOf(target) });
    }
    return done;
  }

  /** As `Images.digest`; a disk that was converted once and copied is read once. @param file absolute path */
  async digest(file: string, signal: AbortSignal): Promise<string> {
    const written = this.#written.get(file);
    const name = written?.state === stateOf(file) ? written.name : undefined;
    const known = name === undefined ? undefined : this.#digests.get(name);
    if (known !== undefined) return known;
    const digest = await this.#images.digest(file, signal);
    if (name !== undefined) this.#digests.set(name, digest);
    return digest;
  }

  /**
   * Makes a file that is only read afterwards, or gives the one of that name from before another name.
   * @param place as above
   */
  async share(
    place: string,
    name: string,
    target: string,
    make: () => Promise<Result<void>>,
  ): Promise<Result<void>> {
    const earlier = this.#find(place, name);
    if (earlier !== undefined && attempt(() => linkSync(earlier, target) === undefined)) return ok();
    const done = await make();
    if (done.ok) this.#keep(name, target);
    return done;
  }

  [Symbol.dispose](): void {
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
    this.#directory = undefined;
    this.#files.clear();
    this.#written.clear();
    this.#digests.clear();
  }

  /** The file that was kept under a name for exports of the same machine. */
  #find(place: string, name: string): string | undefined {
    const directory = path.join(place, sharedName(this.#owner));
    if (directory !== this.#directory) {
      this[Symbol.dispose]();
      this.#directory = directory;
    }
    return this.#files.get(name);
  }

  /** Nothing is lost where the file system has no hard links: the next export makes the file itself. */
  #keep(name: string, target: string): void {
    const directory = this.#directory;
    if (directory === undefined) return;
    const file = path.join(directory, String(this.#files.size));
    const linked = attempt(() => {
      mkdirSync(directory, { recursive: true });
      linkSync(target, file);
      return true;
    });
    if (linked) this.#files.set(name, file);
  }
}

/** Changes when the contents of a file do. A link to it changes the time of its inode, so that is not part of it. */
function stateOf(file: string): string {
  const { ino, size, mtimeNs } = lstatSync(file, { bigint: true });
  return [ino, size, mtimeNs].join(' ');
}

/** Whether a file could be copied: without its bytes, where the file system can do that. */
async function copied(file: string, target: string): Promise<boolean> {
  try {
    await copyFile(file, target, constants.COPYFILE_FICLONE);
    return true;
  } catch {
    rmSync(target, { force: true });
    return false;
  }
}
