// The rules of docs/design/layout-and-tests.md on who may import whom, as a function from a source tree to what is wrong in it.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** For each folder of src, whose modules it may import besides its own. Imports point one way. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  util: [],
  model: ['util'],
  distro: ['model', 'util'],
  'disk-layout': ['model', 'util'],
  steps: ['distro', 'model', 'util'],
  // What kinds of files say of a system becomes one value here, and shell.
  system: ['disk-layout', 'steps', 'distro', 'model', 'util'],
  // What other tools say as steps, for an import or for a layer that is a kickstart file.
  translate: ['kickstart', 'model', 'util'],
  project: ['translate', 'kickstart', 'system', 'steps', 'distro', 'model', 'util'],
  // Translates what other tools read into files of a project, and so has to know what a project may say.
  import: ['translate', 'kickstart', 'project', 'steps', 'model', 'util'],
  // The form of kickstart files, without what their commands mean.
  kickstart: ['model', 'util'],
  // Templates are bases.
  kinds: ['catalog', 'system', 'project', 'steps', 'distro', 'model', 'util'],
  plan: ['kinds', 'project', 'steps', 'distro', 'model', 'util'],
  diff: ['model', 'util'],
  catalog: ['model', 'util'],
  execute: ['catalog', 'plan', 'kinds', 'project', 'steps', 'distro', 'model', 'util'],
  watch: ['execute', 'plan', 'kinds', 'project', 'model', 'util'],
  store: ['model', 'util'],
  'shared-cache': ['model', 'util'],
  host: ['model', 'util'],
  machine: ['model', 'util'],
  // Jobs as the files of CIs and engines.
  pipeline: ['model', 'util'],
  sbom: ['diff', 'model', 'util'],
  export: ['diff', 'machine', 'model', 'util'],
  deploy: ['machine', 'model', 'util'],
  report: ['model', 'util'],
  engine: ['pipeline', 'model', 'util'],
  workspace: [
    'sbom',
    'catalog',
    'pipeline',
    'execute',
    'plan',
    'kinds',
    'system',
    'project',
    'steps',
    'distro',
    'machine',
    'model',
    'util',
  ],
  // A face of the workspace, as the command line is; what it is to open comes from there.
  // Forms for new machines: they write files of a project.
  profiles: ['project', 'model', 'util'],
  serve: ['profiles', 'workspace', 'diff', 'execute', 'plan', 'project', 'report', 'model', 'util'],
  compose: ['workspace', 'report', 'project', 'model', 'util'],
  'compose.ts': ['compose', 'workspace', 'report', 'project', 'model', 'util'],
  'index.ts': ['compose.ts', 'workspace', 'model', 'util'],
  cli: [
    'compose.ts',
    'serve',
    'profiles',
    'workspace',
    'pipeline',
    'watch',
    'diff',
    'sbom',
    'execute',
    'plan',
    'import',
    'project',
    'report',
    'model',
    'util',
  ],
};

/** The composition root: it alone names implementations of the ports. */
const ROOTS = /^compose(\/|\.ts$)/;

/** Reporters know what is told, and nothing of how it comes about. */
const TOLD: readonly string[] = [
  'model/event.ts',
  // Plans are data too, made to be printed.
  'model/plan.ts',
  'model/ports/store-upkeep.ts',
  'model/artifact.ts',
  'model/failure.ts',
  'model/ports/booter.ts',
  'model/ports/checkup.ts',
  'model/disk-diff.ts',
  'model/ports/shared-cache.ts',
  'model/ports/shared-upkeep.ts',
  'model/shared-transfer.ts',
];

/** What may be imported from outside, and where: a file, or a folder with everything below it. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  execa: ['host/process/run.ts'],
  yaml: [
    'project/config/include.ts',
    'project/config/positions.ts',
    'project/steps/file.ts',
    'import/',
    'pipeline/yaml.ts',
    'profiles/',
  ],
  valibot: [
    'project/config/schema.ts',
    'project/config/schema/',
    'project/config/fields.ts',
    'project/config/read.ts',
    // Each verb has the schema of its arguments.
    'steps/',
    'system/schema.ts',
    'project/steps/issues.ts',
    'project/steps/system.ts',
    // What is sent to the API, and what it answers.
    'profiles/profile.ts',
    'serve/app.ts',
    'serve/jobs/',
    'serve/openapi.ts',
    'serve/openapi-page.ts',
    'serve/routes/',
  ],
  '@valibot/to-json-schema': [
    'project/config/json-schema.ts',
    'project/steps/json-schema.ts',
    'serve/openapi.ts',
  ],
  '@aws-sdk/client-s3': ['shared-cache/objects/s3.ts'],
  '@smithy/node-http-handler': ['shared-cache/objects/s3.ts'],
  'xxhash-wasm': ['project/inputs/hash.ts'],
  ignore: ['project/inputs/ignore.ts'],
  yargs: ['cli/args/parse.ts'],
  kleur: ['report/terminal/style.ts'],
  chokidar: ['watch/watcher.ts'],
  'fast-xml-builder': ['machine/xml.ts'],
  nunjucks: ['steps/render.ts'],
  '@cyclonedx/cyclonedx-library': ['sbom/cyclonedx.ts', 'sbom/licenses.ts'],
  'packageurl-js': ['sbom/purl.ts'],
  'spdx-expression-parse': ['sbom/licenses.ts'],
  '@xmldom/xmldom': ['deploy/libvirt/domain.ts', 'deploy/libvirt/pool.ts'],
  // One package without dependencies, and its adapter to node: small, and typed to what it answers. Only types of it are used
  // outside of the module that is loaded with the server.
  hono: ['serve/http.ts', 'serve/app.ts'],
  '@hono/node-server': ['serve/http.ts'],
  // The page, which has a bundle of its own: a library for components of 5 kB, a terminal, and a layout of graphs.
  preact: ['serve/page/'],
  '@xterm/xterm': ['serve/page/terminal.tsx'],
  '@xterm/addon-fit': ['serve/page/terminal.tsx'],
  '@xterm/addon-search': ['serve/page/terminal.tsx'],
  '@dagrejs/dagre': ['serve/page/graph.tsx'],
  'range-parser': ['serve/http.ts'],
  'fast-glob': ['kinds/steps/input-tree.ts'],
};

/** These work on values; they touch no disk and start nothing. */
const PURE: readonly string[] = [
  'model',
  'distro',
  'disk-layout',
  'steps',
  'system',
  'import',
  'kickstart',
  'translate',
  'plan',
  'diff',
  'sbom',
  'report',
  'machine',
  'catalog',
  'pipeline',
];
const IMPURE = /^node:(fs|child_process|worker_threads|http|https|net\/promises)(\/|$)/;

const MOST_LINES = 350;
const MOST_FILES = 14;

interface Source {
  /** Relative to the tree, `cli/main.ts`. */
  readonly file: string;
  readonly text: string;
  readonly imports: readonly string[];
}

/** What breaks the rules in a source tree, a sentence each; empty when all is well. */
export function brokenRules(directory: string): string[] {
  const sources = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .sort()
    .map((file) => readSource(directory, file));
  return [
    ...sources.flatMap((source) => [...shape(source), ...direction(source)]),
    ...crowded(sources),
    ...cycles(sources),
  ];
}

function readSource(directory: string, file: string): Source {
  const text = readFileSync(path.join(directory, file), 'utf8');
  return { file, text, imports: importsOf(text) };
}

const STATIC = /^\s*(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*(['"])([^'"\n]+)\1/gm;
const DYNAMIC = /\b(?:import|require|import\.meta\.resolve)\(\s*(['"`])([^'"`\n]+)\1/g;

/** Everything that a module imports: statically, only as types, by `export from`, or when it runs. */
export function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return [STATIC, DYNAMIC].flatMap((pattern) =>
    [...code.matchAll(pattern)].flatMap((match) => match[2] ?? []),
  );
}

/** What depends on a kind is asked of src/kinds/kind.ts, so that a new kind is a new file and nothing else. */
const ASKS_KIND = /\b(?:node|layer|base)\??\.(?:type|kind) [!=]==/;

function shape({ file, text }: Source): string[] {
  const broken: string[] = [];
  const lines = text.trimEnd().split('\n').length;
  if (lines > MOST_LINES) broken.push(`${file} has ${lines} lines; ${MOST_LINES} are the most`);
  if (!/^(#!.*\n)?\/[/*]/.test(text))
    broken.push(`${file} does not open with a comment that says what it is for`);
  if (/^\s*export\s+(default\b|\{[^}]*\bas\s+default\b)/m.test(text))
    broken.push(`${file} has a default export`);
  if (!file.startsWith('host/root/') && /\bshell\.run\(/i.test(text)) {
    broken.push(`${file} sends words to a root shell; the functions of host/root do`);
  }
  if (file.startsWith('serve/page/') && /^import (?!type\b)[^'"]*['"]\.\.\//m.test(text)) {
    broken.push(`${file} imports values of the server; a page knows its types only`);
  }
  if (file !== 'cli/main.ts' && /\bprocess\.(exit\(|exitCode\s*=[^=]|abort\(|reallyExit)/.test(text)) {
    broken.push(`${file} sets the exit status; cli/main.ts alone does`);
  }
  if (!/^(model|kinds)\//.test(file) && ASKS_KIND.test(text)) {
    broken.push(`${file} compares the kind of a layer, node or base; src/kinds alone does`);
  }
  return broken;
}

/** Folders with more files than a reader takes in at a glance. */
function crowded(sources: readonly Source[]): string[] {
  const folders = Map.groupBy(sources, ({ file }) => path.posix.dirname(file));
  return [...folders]
    .filter(([, files]) => files.length > MOST_FILES)
    .map(([folder, files]) => `${folder} has ${files.length} files; ${MOST_FILES} are the most`);
}

function direction({ file, imports }: Source): string[] {
  const folder = file.split('/')[0] ?? '';
  const allowed = MAY_IMPORT[folder];
  if (allowed === undefined) return [`${file} is in a folder that the rules do not know`];
  return imports.flatMap((wanted) => {
    if (wanted.startsWith('node:')) {
      return PURE.includes(folder) && IMPURE.test(wanted)
        ? [`${file} imports ${wanted}, but ${folder} is pure`]
        : [];
    }
    if (!wanted.startsWith('.')) return fromOutside(file, wanted);
    if (!/\.(tsx?|css)$/.test(wanted)) return [`${file} imports ${wanted}, which does not end in .ts`];
    return fromInside(file, folder, allowed, path.posix.join(path.posix.dirname(file), wanted));
  });
}

function fromOutside(file: string, wanted: string): string[] {
  const name = wanted.split('/', wanted.startsWith('@') ? 2 : 1).join('/');
  const places = PACKAGES[name];
  if (places === undefined) return [`${file} imports ${wanted}, a package that the rules do not know`];
  const isPlace = places.some((place) => place === file || (place.endsWith('/') && file.startsWith(place)));
  return isPlace ? [] : [`${file} imports ${wanted}; ${places.join(', ')} alone does`];
}

/** Folders that implement ports, and never import each other. */
const IMPLEMENTATIONS: readonly string[] = ['host', 'store', 'shared-cache', 'export', 'deploy', 'engine'];

function fromInside(file: string, folder: string, allowed: readonly string[], target: string): string[] {
  const to = target.split('/')[0] ?? '';
  if (to === '..') return [`${file} imports ${target}, outside of src`];
  if (IMPLEMENTATIONS.includes(to)) {
    return to === folder || ROOTS.test(file) ? [] : [`${file} imports ${target}; compose.ts alone does`];
  }
  if (to !== folder && !allowed.includes(to)) return [`${file} imports ${target}, against the direction`];
  if (folder === 'report' && to === 'model' && !TOLD.includes(target)) {
    return [`${file} imports ${target}; reporters know only events`];
  }
  return [];
}

/** Rings of imports, each told once, at its first module. */
function cycles(sources: readonly Source[]): string[] {
  const graph = new Map(
    sources.map(({ file, imports }) => [
      file,
      imports
        .filter((name) => name.startsWith('.'))
        .map((name) => path.posix.join(path.posix.dirname(file), name)),
    ]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) found.push(`a ring of imports: ${[...trail.slice(at), file].join(' → ')}`);
    if (at >= 0 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}
