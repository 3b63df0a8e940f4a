// Which function runs each command, with the values of its command line. Commands are loaded when they are called.

import path from 'node:path';
import type { Failure } from '../model/failure.ts';
import type { Call, Path, Raw } from './args/table/table.ts';
import type { InspectOptions } from './commands/inspect.ts';
import type { GlobalOptions } from './options.ts';

type Run<P extends Path> = (raw: Raw<P>, options: GlobalOptions) => Promise<number | Failure>;

/** The commands that need no project. */
type Alone = 'help' | 'completion' | 'schema';

const RUN: { readonly [P in Exclude<Path, Alone>]: Run<P> } = {
  build: async (raw, options) => (await import('./commands/build-command.ts')).buildCommand(raw, options),
  watch: async (raw, options) => (await import('./commands/watch.ts')).watchCommand(raw, options),
  plan: async (raw, options) => (await inspect()).plan(inspected(raw, options)),
  why: async (raw, options) =>
    (await inspect()).why({ ...inspected({ ...raw, layer: [raw.layer] }, options), record: raw.record }),
  graph: async (raw, options) => (await inspect()).graph({ ...inspected(raw, options), format: raw.format }),
  ls: async (raw, options) => (await inspect()).ls(inspected(raw, options)),
  diff: async (raw, options) => (await import('./commands/diff.ts')).diff(options, raw),
  'new-layer': async (raw, options) =>
    (await import('./scaffold/new-layer.ts')).newLayer({
      ...options,
      name: raw.name,
      kind: raw.modifyDisk ? 'modify-disk' : 'build-layer',
    }),
  shell: async (raw, options) =>
    (await import('./commands/shell.ts')).shell({
      ...options,
      layer: raw.layer,
      state: raw.failed ? 'failed' : raw.parent ? 'parent' : 'built',
      argv: raw.behind,
      nbd: raw.nbd ?? [],
      params: raw.param ?? [],
      secrets: raw.secret ?? [],
    }),
  log: async ({ layer, follow, path }, options) =>
    (await import('./commands/log.ts')).log({
      ...options,
      layer,
      follow: follow === true,
      path: path === true,
    }),
  'test-boot': async (raw, options) => (await import('./commands/test-boot.ts')).testBoot(options, raw),
  'store du': async (raw, options) => (await storeOrBucket(raw)).du(stored(raw, options)),
  'store ls': async (raw, options) => (await storeOrBucket(raw)).ls(stored(raw, options)),
  'store gc': async (raw, options) =>
    (await storeOrBucket(raw)).gc({
      ...stored(raw, options),
      maxSize: raw.maxSize,
      maxAge: raw.maxAge,
      dryRun: raw.dryRun === true,
    }),
  'store push': async (raw, options) => (await share()).push(inspected(raw, options)),
  'store pull': async (raw, options) => (await share()).pull(inspected(raw, options)),
  'store prefetch': async (raw, options) => (await share()).prefetch(inspected(raw, options)),
  'store verify': async (raw, options) => {
    if (raw.rebuild === undefined) return (await store()).verify(stored(raw, options));
    const { rebuild } = await import('./commands/store/rebuild.ts');
    return rebuild({
      ...stored(raw, options),
      layer: raw.rebuild,
      params: raw.param ?? [],
      secrets: raw.secret ?? [],
    });
  },
  'store clear': async (raw, options) => (await store()).clear(stored(raw, options)),
  'store keygen': async ({ file }) => (await import('./commands/store/keygen.ts')).keygen(file),
  init: async ({ C, dir, base, url, sha256 }, options) =>
    (await import('./scaffold/init.ts')).init({
      ...options,
      // Unlike other commands, not in the project above.
      place: path.resolve(C ?? '.', dir ?? '.'),
      base,
      url,
      sha256,
    }),
  doctor: async ({ json, clean }, options) =>
    (await import('./commands/doctor.ts')).doctor({ ...options, json: json === true, clean: clean === true }),
};

/** Runs a command on the project. Returns its exit status, or the failure to report. */
export function runCommand<P extends Exclude<Path, Alone>>(
  { path, raw }: Call<P>,
  options: GlobalOptions,
): Promise<number | Failure> {
  return RUN[path](raw, options);
}

const inspect = () => import('./commands/inspect.ts');
const store = () => import('./commands/store/store.ts');
const share = () => import('./commands/store/share.ts');
const storeOrBucket = ({ remote }: { readonly remote: boolean | undefined }) =>
  remote ? import('./commands/store/remote.ts') : store();

interface RawSelection {
  readonly layer: readonly string[];
  readonly json: boolean | undefined;
  readonly param: readonly string[] | undefined;
}

/** The options that the commands which build nothing have in common. */
function inspected({ layer, json, param }: RawSelection, options: GlobalOptions): InspectOptions {
  return { ...options, targets: layer, json: json === true, params: param ?? [], force: [] };
}

function stored({ json }: { readonly json: boolean | undefined }, options: GlobalOptions) {
  return { ...options, json: json === true };
}
