// The table of all commands, and what is looked up in it. It loads no parser.

import { BUILD, EXPORT, PUBLISH, WATCH } from './build.ts';
import { DEPLOY } from './deploy.ts';
import { CI, DIFF, GRAPH, LOG, LS, PLAN, SBOM, SHELL, TEMPLATES, WHY } from './inspect.ts';
import * as project from './project.ts';
import { SERVE } from './serve.ts';
import { EVERYWHERE } from './shared.ts';
import * as store from './store.ts';
import type { Argument, Command, Option } from './types.ts';

/** The commands by path, which for those below another one has its name too. Texts list them in this order. */
export const COMMANDS = {
  build: BUILD,
  watch: WATCH,
  export: EXPORT,
  publish: PUBLISH,
  deploy: DEPLOY,
  plan: PLAN,
  why: WHY,
  graph: GRAPH,
  ci: CI,
  ls: LS,
  diff: DIFF,
  sbom: SBOM,
  templates: TEMPLATES,
  'new-layer': project.NEW_LAYER,
  'new-machine': project.NEW_MACHINE,
  layer: project.LAYER,
  'layer show': project.LAYER_SHOW,
  'layer convert': project.LAYER_CONVERT,
  'layer lock': project.LAYER_LOCK,
  shell: SHELL,
  log: LOG,
  'test-boot': project.TEST_BOOT,
  serve: SERVE,
  store: store.STORE,
  'store du': store.STORE_DU,
  'store ls': store.STORE_LS,
  'store gc': store.STORE_GC,
  'store push': store.STORE_PUSH,
  'store pull': store.STORE_PULL,
  'store prefetch': store.STORE_PREFETCH,
  'store verify': store.STORE_VERIFY,
  'store clear': store.STORE_CLEAR,
  'store keygen': store.STORE_KEYGEN,
  init: project.INIT,
  import: project.IMPORT,
  'import virt-maker': project.IMPORT_VIRT_MAKER,
  'import virt-customize': project.IMPORT_VIRT_CUSTOMIZE,
  'import kickstart': project.IMPORT_KICKSTART,
  'import vmbuilder': project.IMPORT_VMBUILDER,
  doctor: project.DOCTOR,
  schema: project.SCHEMA,
  help: project.HELP,
  completion: project.COMPLETION,
} as const satisfies Record<string, Command>;

type Commands = typeof COMMANDS;
/** Of a command that can be run. */
export type Path = Exclude<keyof Commands, 'store' | 'layer' | 'import'>;

/** vlb itself, above all commands. */
export const ROOT: Command = {
  text: 'build virtual-machine images in layers, and rebuild only what changed',
  examples: [
    ['vlb build', 'build what changed'],
    ['vlb help build', 'all options of a command'],
    ['vlb help hints', 'the comments in scripts that vlb reads'],
  ],
};

/** The command at a path; '' is vlb itself. Undefined where there is none. */
export function commandAt(path: string): Command | undefined {
  return path === '' ? ROOT : Object.hasOwn(COMMANDS, path) ? COMMANDS[path as keyof Commands] : undefined; // has it
}

/** The names of the commands directly below a path. */
export function namesBelow(path: string): readonly string[] {
  const above = path === '' ? '' : `${path} `;
  return Object.keys(COMMANDS)
    .filter((name) => name.startsWith(above))
    .map((name) => name.slice(above.length))
    .filter((name) => !name.includes(' '));
}

/** The path of a word below another path; an alias leads to the command's own name. Undefined where there is none. */
export function pathBelow(path: string, word: string): string | undefined {
  const name = namesBelow(path).find(
    (name) => name === word || commandAt(joined(path, name))?.alias === word,
  );
  return name === undefined ? undefined : joined(path, name);
}

export function joined(path: string, name: string): string {
  return path === '' ? name : `${path} ${name}`;
}

/** The options of a command, its own first. */
export function optionsOf({ options = {} }: Command): Readonly<Record<string, Option>> {
  return { ...options, ...EVERYWHERE };
}

/** An option as it is typed. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** The option that a word such as `--jobs` or `-j` names, with its name. */
export function optionNamed(
  word: string,
  options: Readonly<Record<string, Option>>,
): readonly [name: string, option: Option] | undefined {
  return Object.entries(options).find(
    ([name, { alias }]) => word === dashed(name) || (alias !== undefined && word === dashed(alias)),
  );
}

/** The name of an option in the values that a command gets. */
export function camelCased(name: string): string {
  return name.replace(/-(.)/g, (_all, letter) => letter.toUpperCase());
}

/** `build [layer..]`. */
export function usageOf(path: string): string {
  const { arguments: own = {}, behind } = commandAt(path) ?? ROOT;
  const words = Object.entries<Argument>(own).map(([name, { required, rest }]) =>
    required ? `<${name}>` : rest ? `[${name}..]` : `[${name}]`,
  );
  const below = namesBelow(path).length > 0 ? ['<command>'] : [];
  return [path, ...below, ...words, ...(behind === undefined ? [] : [`[-- ${behind}..]`])].join(' ').trim();
}

type Camel<S extends string> = S extends `${infer A}-${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;

type OptionValue<O> = O extends { choices: readonly (infer C)[] }
  ? C
  : O extends { value: string }
    ? O extends { list: true }
      ? readonly string[]
      : O extends { number: true }
        ? number
        : string
    : boolean;

type ArgumentValue<A> = A extends { rest: true }
  ? readonly string[]
  : A extends { choices: readonly (infer C)[] }
    ? C
    : A extends { required: true }
      ? string
      : string | undefined;

type OptionValues<C> = C extends { options: infer O }
  ? {
      readonly [K in keyof O & string as Camel<K>]:
        | OptionValue<O[K]>
        | (O[K] extends { default: string } | { list: true } ? never : undefined);
    }
  : unknown;
type ArgumentValues<C> = C extends { arguments: infer A }
  ? { readonly [K in keyof A]: ArgumentValue<A[K]> }
  : unknown;

/** The options of all commands, as they were typed. */
export type RawGlobalOptions = OptionValues<{ readonly options: typeof EVERYWHERE }>;

/** What a command gets from its command line: defaults are put in, what was not given is undefined, or an empty list. */
export type Raw<P extends Path> = RawGlobalOptions &
  OptionValues<Commands[P]> &
  ArgumentValues<Commands[P]> &
  (Commands[P] extends { behind: string } ? { readonly behind: readonly string[] } : unknown);

/** A command line that was read. */
export type Call<P extends Path = Path> = { [K in P]: { readonly path: K; readonly raw: Raw<K> } }[P];
