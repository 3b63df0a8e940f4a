// What scripts in the guest see of this machine's files: a copy of the run's directory, and the cache directories. Each is an ext4
// on a disk of its own, made here and mounted in the guest alone: nothing that a script wrote is read on this machine.

import { closeSync, existsSync, ftruncateSync, openSync, renameSync, rmSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { Bind } from '../../model/ports/machine.ts';
import type { AttachedDisk, Brought, Carrier } from '../attach/backend.ts';
import { findTool, missingTool, run as runTool } from '../process/run.ts';
import { mountVolume, unmount } from '../root/agent.ts';
import { repairVolume } from '../root/agent-devices.ts';
import type { RunShell } from '../root/run-shell.ts';
import { lendFile } from './disks.ts';
import type { Guest } from './guest.ts';

const MEBIBYTE = 1024 * 1024;
/** What a script can write to its inputs, and to one cache. The files are sparse. */
const FREE_BYTES = 8192 * MEBIBYTE;
const CACHE_BYTES = 32_768 * MEBIBYTE;
/** What a file takes in addition to its content, at most: an inode, and the rest of its last block. */
const FILE_BYTES = 5 * 1024;
const FREE_INODES = 65_536;

interface Mounted {
  readonly place: string;
  readonly disk: AttachedDisk;
}

export class CarriedFiles implements Carrier {
  readonly #guest: Guest;
  readonly #run: RunShell;
  readonly #directory: string;
  /** Aborts with the guest. */
  readonly #signal: AbortSignal;
  readonly #mounted: Mounted[] = [];
  /** Where directories of this machine are in the guest. */
  readonly #places = new Map<string, string>();

  /** @param directory the run's, on this machine */
  constructor(guest: Guest, run: RunShell, directory: string) {
    this.#guest = guest;
    this.#run = run;
    this.#directory = directory;
    const ended = new AbortController();
    void guest.ended.then(() => ended.abort());
    this.#signal = ended.signal;
  }

  async bring<Script extends Brought>(script: Script): Promise<Result<Script>> {
    const inputs = await this.#placeOf(script.inputs, true);
    if (!inputs.ok) return inputs;
    const binds: Bind[] = [];
    for (const bind of script.binds ?? []) {
      const source = await this.#placeOf(bind.source, bind.isCopy);
      if (!source.ok) return source;
      binds.push({ ...bind, source: source.value });
    }
    const { TMPDIR } = script.environment;
    const temporary = TMPDIR === undefined ? undefined : await this.#placeOf(TMPDIR, true);
    if (temporary && !temporary.ok) return temporary;
    const environment = { ...script.environment, ...(temporary ? { TMPDIR: temporary.value } : {}) };
    const [command, ...words] = script.argv;
    const argv: [string, ...string[]] = [command];
    for (const word of words) {
      const place = script.brings?.includes(word) ? await this.#placeOf(word, false) : ok(word);
      if (!place.ok) return place;
      argv.push(place.value);
    }
    return ok({ ...script, inputs: inputs.value, environment, argv, ...(script.binds ? { binds } : {}) });
  }

  async takeBack(): Promise<Result<void>> {
    this.#places.clear();
    for (const { place, disk } of this.#mounted.splice(0)) {
      const unmounted = await unmount(this.#run.shell, place);
      if (!unmounted.ok) return unmounted;
      const detached = await disk.detach();
      if (!detached.ok) return detached;
    }
    return ok();
  }

  /** The path in the guest of a file or directory of this machine. */
  async #placeOf(file: string, isCopy: boolean): Promise<Result<string>> {
    const below = path.relative(this.#directory, file);
    const isOfRun = !below.startsWith('..');
    if (isCopy && !isOfRun) throw new Error(`${file} does not belong to this run`);
    const top = isOfRun ? this.#directory : file;
    let place = this.#places.get(top);
    if (place === undefined) {
      const disk = await (isOfRun ? this.#lendRun() : this.#lendCache(file));
      if (!disk.ok) return disk;
      place = this.#run.file(`carried-${this.#places.size}`);
      const mounted = await this.#mount(disk.value, place);
      if (!mounted.ok) return mounted;
      this.#places.set(top, place);
    }
    if (isOfRun) return ok(path.posix.join(place, below));
    const content = path.posix.join(place, 'content'); // there is a lost+found beside it
    const made = await this.#run.shell.files.makeDirectory(content);
    return made.ok ? ok(content) : made;
  }

  async #mount(disk: AttachedDisk, place: string): Promise<Result<void>> {
    const { shell } = this.#run;
    const made = await shell.files.makeDirectory(place);
    if (!made.ok) return made;
    const options = 'nosuid,nodev,discard';
    const mounted = await mountVolume(shell, { device: disk.device, target: place, type: 'ext4', options });
    if (!mounted.ok) return mounted;
    if (mounted.value) {
      return fail('host', 'the virtual machine cannot mount the files of a layer', {
        detail: [mounted.value.refused],
      });
    }
    this.#mounted.push({ place, disk });
    return ok();
  }

  async #lendRun(): Promise<Result<AttachedDisk>> {
    const { bytes, count } = await amountIn(this.#directory);
    const file = path.join(this.#guest.directory, this.#guest.newName('disk'));
    const size = Math.ceil(bytes * 1.05) + count * FILE_BYTES + FREE_BYTES;
    const inodes = ['-N', String(count + FREE_INODES)];
    const options = [...inodes, '-O', '^has_journal', '-d', this.#directory];
    const made = await makeFileSystem(file, size, options, this.#signal);
    const lent = made.ok ? await lendFile(this.#guest, this.#run.shell, file, 'read-write') : made;
    // QEMU has it open. When it closes it, in whatever way, nothing is left.
    rmSync(file, { force: true });
    return lent;
  }

  async #lendCache(directory: string): Promise<Result<AttachedDisk>> {
    const file = `${directory}.disk`;
    if (!existsSync(file)) {
      const unfinished = `${file}.new`;
      rmSync(unfinished, { force: true });
      const made = await makeFileSystem(unfinished, CACHE_BYTES, [], this.#signal);
      if (!made.ok) return made;
      renameSync(unfinished, file);
    }
    const disk = await lendFile(this.#guest, this.#run.shell, file, 'read-write');
    if (!disk.ok) return disk;
    // The guest may have been killed while it wrote.
    const repaired = await repairVolume(this.#run.shell, disk.value.device);
    return repaired.ok ? disk : repaired;
  }
}

/** Makes a file with an empty ext4, or one with the files of a directory. */
async function makeFileSystem(
  file: string,
  bytes: number,
  options: readonly string[],
  signal: AbortSignal,
): Promise<Result<void>> {
  try {
    const descriptor = openSync(file, 'wx', 0o600);
    ftruncateSync(descriptor, Math.ceil(bytes / MEBIBYTE) * MEBIBYTE);
    closeSync(descriptor);
  } catch (error) {
    return failAt(file, 'cannot create a disk for the virtual machine', error);
  }
  const tool = findTool('mke2fs');
  if (tool === undefined) return missingTool('mke2fs');
  const lazy = 'root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1,nodiscard';
  const args = ['-q', '-F', '-t', 'ext4', '-m', '0', '-b', '4096', '-E', lazy, ...options, file];
  const made = await runTool(tool, args, { signal });
  return made.ok ? ok() : made;
}

/** The bytes of the files in a directory, and the count of all entries. */
async function amountIn(directory: string): Promise<{ readonly bytes: number; readonly count: number }> {
  let bytes = 0;
  let count = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    count++;
    if (!entry.isDirectory()) bytes += (await lstat(path.join(entry.parentPath, entry.name))).size;
  }
  return { bytes, count };
}
