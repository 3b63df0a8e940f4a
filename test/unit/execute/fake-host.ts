// A host that is no machine: its disks are text files, and its scripts a handful of words.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  createReadStream,
  createWriteStream,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { Context } from '../../../src/execute/run-context.ts';
import type { BuildEvent } from '../../../src/model/event.ts';
import { fail, ok, type Result } from '../../../src/model/failure.ts';
import type {
  Disk,
  Host,
  Images,
  MountedSystem,
  Streams,
  Workbench,
} from '../../../src/model/ports/machine.ts';
import { lazyFileHasher } from '../../../src/project/inputs/hash.ts';
import { projectPaths } from '../../../src/project/project.ts';
import { openInPlace } from '../../../src/store/in-place/in-place.ts';
import { openStore, placesOf } from '../../rig/store.ts';
import { PLATFORM, type Tree, valueIn } from '../../rig/tree.ts';

const OWNER = '1-1.aaaaaaaa';

export class FakeHost implements Host {
  lendsDevices = false;
  /** What was done, in order: `attach`, `run`, … */
  readonly calls: string[] = [];

  readonly images: Images = {
    create: async (file, { backing = 'nothing' }) => ok(writeFileSync(file, `over ${backing}\n`)),
    info: async () =>
      ok({ format: 'qcow2', virtualSize: 1024, backing: undefined, externalData: false, encrypted: false }),
    recognize: () => ({ format: 'qcow2', isTruncated: false, isReadOnly: false }),
    isConsistent: async () => ok(true),
    read: async (file) => createReadStream(file),
    digest: async (file) => createHash('sha256').update(readFileSync(file)).digest('hex'),
    write: createWriteStream,
    resize: async () => ok(),
    setBacking: async () => ok(),
    rebase: async () => ok(),
    commit: async () => ok(),
    compact: async (_file, backing) =>
      ok(void this.calls.push(`compact over ${backing?.slice(0, 2) ?? 'nothing'}`)),
    convert: async (source, _format, target) => ok(copyFileSync(source, target)),
  };

  check = async () => ok();
  checkGuests = async () => ok();
  openGuest = async () => assert.fail('nothing boots here');
  removeTree = async (directory: string) => ok(rmSync(directory, { recursive: true, force: true }));
  openWorkbench = async (directory: string) => ok(new FakeWorkbench(directory, this.calls));
  packings = {
    decompress: async () => fail('host', 'there is no xz here'),
    list: async () => fail('host', 'there is no tar here'),
    extract: async () => fail('host', 'there is no tar here'),
  };
  verifySignature = async () => fail('host', 'there is no gpgv here');
  exportKey = async () => fail('host', 'there is no gpg here');
  isAlive = (owner: string) => owner === OWNER;
  clearLeftovers = async () => {};
  close = async () => {};
  boot = 'boot 1';
  bootId = () => this.boot;
}

/**
 * Runs scripts line by line: `echo TEXT` prints and writes to the disk, `print TEXT` only prints, `exit STATUS` ends,
 * `hang` waits to be killed.
 */
export class FakeWorkbench implements Workbench {
  readonly #directory: string;
  readonly #calls: string[];
  #killed = Promise.withResolvers<void>();

  constructor(directory: string, calls: string[]) {
    this.#directory = directory;
    this.#calls = calls;
  }

  attach = async (image: string) => this.#did('attach', { device: image });
  continueIn = async () => this.#did('continue', true);
  madePoints = async () => ok('');
  adoptPoints = async () => ok();
  lendDevice = async () => this.#did('lend', { device: '/dev/nbd0' });
  detach = async (_disk: Disk) => this.#did('detach', undefined);
  mount = async (disk: Disk) =>
    this.#did('mount', {
      root: disk.device,
      disk: disk.device,
      rootDevice: disk.device,
      further: [],
      volumes: [],
      inside: [],
    });
  written = async (disk: Disk) => ok(statSync(disk.device).size);
  mountLayer = async () => this.#did('mount layer', undefined);
  read = async () => ok(Buffer.from('ID=tiny\n'));
  selinuxOf = async () => ok(undefined);
  flush = async (_disk: Disk) => this.#did('flush', undefined);
  trim = async (_disk: Disk) => this.#did('trim', undefined);
  grow = async (_disk: Disk) => this.#did('grow', undefined);
  unmount = async (_system: MountedSystem) => this.#did('unmount', undefined);
  runOnHost: Workbench['runOnHost'] = async ({ inputs, argv, streams }) =>
    this.#run(path.join(inputs, argv[0]), argv[2] ?? '', streams);
  runInChroot: Workbench['runInChroot'] = async (system, { inputs, argv, text, streams }) =>
    text === undefined
      ? this.#run(path.join(inputs, path.basename(argv[0])), system.root, streams)
      : this.#runText(text, system.root, streams);

  explain: Workbench['explain'] = async (failure) => failure;
  stopScript = async () => this.kill();
  kill = () => {
    this.#calls.push('kill');
    this.#killed.resolve();
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#calls.push('dispose');
    rmSync(this.#directory, { recursive: true });
  }

  #did<T>(call: string, value: T): Result<T> {
    this.#calls.push(call);
    return ok(value);
  }

  #run(script: string, disk: string, streams: Streams): Promise<Result<number>> {
    return this.#runText(readFileSync(script, 'utf8'), disk, streams);
  }

  async #runText(text: string, disk: string, streams: Streams): Promise<Result<number>> {
    const print = (text: string) => typeof streams === 'function' && streams(Buffer.from(text));
    this.#calls.push('run');
    for (const line of text.split('\n')) {
      const [word, ...rest] = line.split(' ');
      if (word === 'echo') appendFileSync(disk, `${rest.join(' ')}\n`);
      if (word === 'echo' || word === 'print') print(`${rest.join(' ')}\n`);
      if (word === 'exit') return ok(Number(rest[0]));
      if (word === 'hang') {
        await this.#killed.promise;
        return fail('interrupted', 'killed');
      }
    }
    return ok(0);
  }
}

export interface FakeContext extends Context {
  readonly host: FakeHost;
  readonly events: BuildEvent[];
  readonly abort: () => void;
}

/** A context with a real store and real outputs in a tree, and a host that is none. */
export async function fakeContext(tree: Tree): Promise<FakeContext> {
  const paths = projectPaths(tree.directory);
  tree.write({ '.vlb/store/sha256/': '' });
  const host = new FakeHost();
  const events: BuildEvent[] = [];
  const emit = (event: BuildEvent) => void events.push(event);
  const onDamage = (message: string) => emit({ type: 'note', message });
  const store = valueIn(
    openStore({
      directory: paths.store,
      owner: OWNER,
      isAlive: host.isAlive,
      onDamage,
      project: placesOf(tree.directory),
    }),
  );
  const aborter = new AbortController();
  return {
    host,
    store,
    inPlace: openInPlace({
      ...paths,
      project: tree.directory,
      artifacts: store.artifactDirectory,
      drop: (names) => store.drop(names),
    }),
    paths,
    loadHasher: lazyFileHasher(),
    secrets: { of: () => ok([]), given: () => ok([]) },
    shellCommand: 'vlb shell',
    environment: { variables: {}, directory: tree.directory, platform: PLATFORM },
    emit,
    drained: () => undefined,
    events,
    signal: aborter.signal,
    abort: () => aborter.abort(),
    owner: OWNER,
  };
}
