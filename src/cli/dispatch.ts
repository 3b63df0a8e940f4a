// Which function runs each command, with the values of its command line. Commands are loaded when they are called.

import type { Failure } from '../model/failure.ts';
import type { Call, Path, Raw } from './args/table/table.ts';
import type { InspectOptions } from './commands/inspect.ts';
import type { GlobalOptions } from './options.ts';

type Run<P extends Path> = (raw: Raw<P>, options: GlobalOptions) => Promise<number | Failure>;

/** The commands that need no project. */
type Alone = 'help' | 'completion' | 'schema';

const RUN: { readonly [P in Exclude<Path, Alone>]: Run<P> } = {
  build: async (raw, options) => (await import('./commands/build.ts')).build(raw, options),
  watch: async (raw, options) => (await import('./commands/watch.ts')).watch(raw, options),
  export: async (raw, options) => (await import('./commands/machines/export.ts')).exportAll(raw, options),
  publish: async (raw, options) =>
    (await import('./commands/machines/publish.ts')).publishMachine(raw, options),
  deploy: async (raw, options) => (await import('./commands/machines/deploy.ts')).deploy(raw, options),
  plan: async (raw, options) => (await inspect()).plan(inspected(raw, options)),
  why: async (raw, options) =>
    (await inspect()).why({ ...inspected({ ...raw, layer: [raw.layer] }, options), record: raw.record }),
  graph: async (raw, options) => (await inspect()).graph({ ...inspected(raw, options), format: raw.format }),
  ci: async (raw, options) => (await import('./commands/engine/ci.ts')).ci(raw, options),
  ls: async (raw, options) => (await inspect()).ls(inspected(raw, options)),
  diff: async (raw, options) => (await import('./commands/diff.ts')).diff(raw, options),
  sbom: async (raw, options) => (await import('./commands/sbom.ts')).sbom(raw, options),
  templates: async (raw, options) => (await import('./commands/templates.ts')).templates(raw, options),
  'new-layer': async (raw, options) => (await import('./scaffold/new-layer.ts')).newLayer(raw, options),
  'new-machine': async (raw, options) =>
    (await import('./commands/machines/new-machine.ts')).newMachine(raw, options),
  'layer show': async (raw, options) => (await layer()).show(raw, options),
  'layer convert': async (raw, options) => (await layer()).convert(raw, options),
  'layer lock': async (raw, options) => (await import('./scaffold/lock-layer.ts')).lock(raw, options),
  shell: async (raw, options) => (await import('./commands/shell.ts')).shell(raw, options),
  log: async (raw, options) => (await import('./commands/log.ts')).log(raw, options),
  'test-boot': async (raw, options) => (await import('./commands/test-boot.ts')).testBoot(raw, options),
  serve: async (raw, options) => (await import('./commands/serve.ts')).serve(raw, options),
  'store du': async (raw, options) => (await storeOrBucket(raw)).du({ ...raw, ...options }),
  'store ls': async (raw, options) => {
    if (!raw.claims) return (await storeOrBucket(raw)).ls({ ...raw, ...options });
    return (await import('./commands/store/remote.ts')).claims(raw, options);
  },
  'store gc': async (raw, options) => (await storeOrBucket(raw)).gc({ ...raw, ...options }),
  'store push': async (raw, options) => (await share()).push(inspected(raw, options)),
  'store pull': async (raw, options) => (await share()).pull(inspected(raw, options)),
  'store prefetch': async (raw, options) => (await share()).prefetch(inspected(raw, options)),
  'store verify': async (raw, options) =>
    raw.rebuild === undefined
      ? (await store()).verify({ ...raw, ...options })
      : (await import('./commands/store/rebuild.ts')).rebuild(raw.rebuild, raw, options),
  'store clear': async (raw, options) => (await store()).clear({ ...raw, ...options }),
  'store keygen': async ({ file }) => (await import('./commands/store/keygen.ts')).keygen(file),
  init: async (raw) => (await import('./scaffold/init.ts')).init(raw),
  'import virt-maker': async (raw) => (await import('./commands/import/virt-maker.ts')).importVirtMaker(raw),
  'import kickstart': async (raw, options) =>
    (await import('./commands/import/kickstart.ts')).importKickstartFile(raw, options),
  'import vmbuilder': async (raw, options) =>
    (await import('./commands/import/vmbuilder.ts')).importVmbuilderFile(raw, options),
  'import virt-customize': async (raw, options) =>
    (await import('./commands/import/virt-customize.ts')).importVirtCustomize(raw, options),
  doctor: async (raw, options) => (await import('./commands/doctor.ts')).doctor(raw, options),
};

/** Runs a command on the project. Returns its exit status, or the failure to report. */
export function runCommand<P extends Exclude<Path, Alone>>(
  { path, raw }: Call<P>,
  options: GlobalOptions,
): Promise<number | Failure> {
  return RUN[path](raw, options);
}

const inspect = () => import('./commands/inspect.ts');
const layer = () => import('./scaffold/convert-layer.ts');
const store = () => import('./commands/store/store.ts');
const share = () => import('./commands/store/share.ts');
const storeOrBucket = ({ remote }: { readonly remote: boolean | undefined }) =>
  remote ? import('./commands/store/remote.ts') : store();

/** The options that the commands which build nothing have in common. */
function inspected(
  { layer, json, param }: Pick<Raw<'plan'>, 'layer' | 'json' | 'param'>,
  options: GlobalOptions,
): InspectOptions {
  return { ...options, targets: layer, json: json === true, params: param, force: [] };
}
