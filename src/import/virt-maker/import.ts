// Translates a virt-maker v1 template, with those that it names by `from` and `to`, into a project.

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Draft } from '../../translate/draft.ts';
import { draftLayer, type FinishedLayer } from '../draft.ts';
import type { Imported, ImportedFile, Note, Source } from '../imported.ts';
import { configYaml } from '../layer-yaml.ts';
import { baseOf } from './base.ts';
import { exportsOf } from './exports.ts';
import { type Expressions, expressionsOf } from './expressions.ts';
import { functionsOf } from './functions.ts';
import { STEPS } from './steps.ts';
import {
  fieldOf,
  type MapTree,
  mergeAfter,
  mergeBefore,
  type Place,
  readTree,
  type Tree,
  textOf,
} from './tree.ts';

/** A chain of templates that is longer has a cycle. */
const MOST_TEMPLATES = 50;
const FIELDS: readonly string[] = ['params', 'spec'];
const SPEC_FIELDS: readonly string[] = ['import', 'steps', 'export'];

/**
 * The project that a template amounts to.
 * Fails as `usage` for what cannot be read, or has neither params nor a spec; what vlb has no equal of is a note.
 * @param file the template, as the user names it
 * @param directory the working directory, absolute
 */
export function importTemplate(file: string, directory: string, source: Source): Result<Imported> {
  const notes: Note[] = [];
  const main = path.resolve(directory, file);
  const read = readTemplate(main, directory, source);
  if (!read.ok) return read;
  const merged = withOthers(read.value, main, directory, source, notes);
  if (!merged.ok) return merged;
  const template = merged.value;
  const spec = fieldOf(template, 'spec');
  if (spec?.type !== 'map') {
    return fail('usage', 'a template of virt-maker must have a mapping "spec"', { where: { file: main } });
  }
  const lost = (tree: Tree, text: string) => notes.push({ at: tree.at, text, isLost: true });
  for (const [name, tree] of template.entries) {
    if (name === 'before' || name === 'after')
      lost(tree, `${name}: a template of its own: import it as another project`);
    else if (!FIELDS.includes(name)) lost(tree, `unknown field ${name}`);
  }
  for (const [name, tree] of spec.entries)
    if (!SPEC_FIELDS.includes(name)) lost(tree, `unknown field spec.${name}`);

  const locate = (wanted: string) => located(wanted, main, directory, source);
  const expressions = expressionsOf(fieldOf(template, 'params'), functionsOf(source, locate));
  const name = bareName(main);
  const steps = stepsOf(fieldOf(spec, 'steps'), expressions, notes);
  const layers = layersOf(steps, name, main, { expressions, source, locate });
  const last = layers.at(-1)?.name ?? '';
  const base = baseOf(fieldOf(spec, 'import'), expressions, notes);
  if (base === undefined && fieldOf(spec, 'import') === undefined) {
    lost(spec, 'import: there is none: set base in vlb.yaml');
  }
  const { exports, files } = exportsOf(fieldOf(spec, 'export'), name, expressions, notes);
  const config = configYaml(`Imported from ${path.basename(main)}.`, {
    ...(base === undefined ? {} : { base }),
    machines: { [name]: { disks: [{ image: last }], ...(exports.length === 0 ? {} : { exports }) } },
  });
  return ok({
    files: [
      ...layers.flatMap((layer) => layer.files),
      { path: 'vlb.yaml', content: { text: config } },
      ...files,
    ],
    notes: [...notes, ...layers.flatMap((layer) => layer.notes)].toSorted(byPlace),
  });
}

function readTemplate(file: string, directory: string, source: Source): Result<MapTree> {
  const text = source.text(file);
  if (text === undefined) return fail('usage', 'no such file', { where: { file } });
  const tree = readTree(text, file, shownName(file, directory));
  if (!tree.ok) return tree;
  return tree.value.type === 'map'
    ? ok(tree.value)
    : fail('usage', 'a template of virt-maker must be a mapping', { where: { file } });
}

function shownName(file: string, directory: string): string {
  const relative = path.relative(directory, file);
  return relative.startsWith('..') ? file : relative;
}

/** The template with what `from` and `to` name, in virt-maker's order: all of `from` first, then all of `to`. */
function withOthers(
  first: MapTree,
  main: string,
  directory: string,
  source: Source,
  notes: Note[],
): Result<MapTree> {
  let template = first;
  for (let count = 0; ; count++) {
    const word = ['from', 'to'].find((name) => template.entries.has(name));
    if (word === undefined) return ok(template);
    const tree = template.entries.get(word);
    const wanted = textOf(tree) ?? '';
    const where = { file: main };
    if (count === MOST_TEMPLATES) return fail('usage', `${word}: too many templates: a cycle?`, { where });
    const file = located(wanted, main, directory, source);
    if (file === undefined) return fail('usage', `${tree?.at}: ${word}: no such file: ${wanted}`, { where });
    if (file !== path.resolve(directory, wanted)) {
      notes.push({
        at: tree?.at ?? '',
        text: `${word}: ${wanted} is read as ${shownName(file, directory)}`,
        isLost: false,
      });
    }
    const other = readTemplate(file, directory, source);
    if (!other.ok) return other;
    const entries = new Map(template.entries);
    entries.delete(word);
    const rest = { ...template, entries };
    template = word === 'from' ? mergeBefore(rest, other.value) : mergeAfter(rest, other.value);
  }
}

/**
 * A file that a template names. virt-maker's paths are relative to where it is called, which is not known: the working directory, the
 * template's, and those above it, in this order; then the same with the end of the path alone.
 */
function located(wanted: string, main: string, directory: string, source: Source): string | undefined {
  if (wanted === '' || wanted.includes('\0')) return undefined;
  const above: string[] = [];
  for (let at = path.dirname(main); ; at = path.dirname(at)) {
    above.push(at);
    if (at === path.dirname(at)) break;
  }
  const parts = wanted.split('/');
  const ends = path.isAbsolute(wanted) ? [] : parts.map((_, index) => parts.slice(index).join('/')).slice(1);
  const candidates = [
    path.resolve(directory, wanted),
    ...above.map((at) => path.resolve(at, wanted)),
    ...ends.flatMap((end) => above.slice(0, 2).map((at) => path.resolve(at, end))),
  ];
  return candidates.find((file) => source.status(file)?.type === 'file');
}

/** A step: its verb and arguments, in their template. */
interface GivenStep {
  readonly verb: string;
  readonly args: Tree;
  readonly at: Place;
}

/** The steps, where lists of steps in lists are one, and an expression may be one. */
function stepsOf(tree: Tree | undefined, expressions: Expressions, notes: Note[]): readonly GivenStep[] {
  if (tree === undefined || tree.type === 'null') return [];
  if (tree.type === 'list') return tree.items.flatMap((item) => stepsOf(item, expressions, notes));
  const lost = (text: string) => {
    notes.push({ at: tree.at, text, isLost: true });
    return [];
  };
  if (tree.type === 'text') {
    const value = expressions.value(tree.text, tree.at);
    if (!value.ok) return lost(`steps: ${value.failure.message}`);
    return value.value.type === 'text'
      ? lost('steps: not a step, nor a list of steps')
      : stepsOf(value.value, expressions, notes);
  }
  const known = [...tree.entries].filter(([name]) => Object.hasOwn(STEPS, name) || name === 'local_run');
  for (const [name, args] of tree.entries) {
    if (known.length > 0 && known[0]?.[0] !== name) {
      notes.push({ at: args.at, text: `${name}: a step has one name: virt-maker ignores it`, isLost: true });
    }
  }
  const [first] = known;
  if (first === undefined) return lost(`${[...tree.entries.keys()].join(', ')}: unknown step`);
  return [{ verb: first[0], args: first[1], at: tree.at }];
}

interface LayerContext {
  readonly expressions: Expressions;
  readonly source: Source;
  locate(file: string): string | undefined;
}

interface ImportedLayer extends FinishedLayer {
  readonly name: string;
}

/** A layer for the steps of each template, and for each `local_run`, which works on the disk. */
function layersOf(
  steps: readonly GivenStep[],
  name: string,
  main: string,
  context: LayerContext,
): readonly ImportedLayer[] {
  const layers: ImportedLayer[] = [];
  const taken = new Set<string>();
  let draft:
    | { readonly of: string; readonly name: string; readonly layer: ReturnType<typeof draftLayer> }
    | undefined;
  const nextName = (bare: string) => {
    let free = bare;
    for (let number = 2; taken.has(free); number++) free = `${bare}-${number}`;
    taken.add(free);
    return `${(layers.length + 1) * 10}_${free}`;
  };
  const finish = () => {
    if (draft) layers.push({ name: draft.name, ...draft.layer.finish() });
    draft = undefined;
  };
  const open = (file: string): Draft => {
    if (draft?.of !== file) {
      finish();
      const isMain = file === '' || path.basename(file) === path.basename(main);
      const layerName = nextName(isMain ? name : bareName(file));
      const heading = `Imported from ${path.basename(file === '' ? main : file)}.`;
      draft = { of: file, name: layerName, layer: draftLayer(layerName, heading) };
    }
    return draft.layer;
  };
  for (const { verb, args, at } of steps) {
    const file = at.slice(0, at.lastIndexOf(':'));
    if (verb === 'local_run') {
      finish();
      layers.push(hostLayer(nextName('local_run'), args, at, context));
      continue;
    }
    const layer = open(file);
    const fault = STEPS[verb]?.(args, { draft: layer, at, ...context });
    if (fault !== undefined) layer.lost(at, `${verb}: ${fault}`);
  }
  finish();
  if (layers.length > 0) return layers;
  // A machine is made from a layer.
  open('');
  finish();
  return layers;
}

/** A command of the host, which vlb runs with the disk attached. Files that it names go with it. */
function hostLayer(name: string, args: Tree, at: Place, context: LayerContext): ImportedLayer {
  const { expressions, source, locate } = context;
  const text = textOf(args);
  const command = text === undefined ? fail('usage', 'must be a command line') : expressions.fixed(text);
  const directory = `layers/${name}`;
  const lines = command.ok ? command.value.trimEnd() : `# not imported: ${command.failure.message}`;
  const script = `#!/bin/sh
# Imported from ${at}: a command of the host, run as root in a copy of this directory. DEVICE is the attached disk.
set -eu
SOURCE=$1 TARGET=$2 DEVICE=$3

${lines}
`;
  const files: ImportedFile[] = [
    { path: `${directory}/modify-disk`, content: { text: script, isScript: true } },
  ];
  const words = new Set(command.ok ? command.value.split(/[\s'"]+/) : []);
  for (const word of words) {
    const local = path.posix.normalize(word);
    const file = /^[\w./-]+$/.test(word) && !/^(\/|\.\.)/.test(local) ? locate(word) : undefined;
    if (file === undefined || source.status(file)?.type !== 'file') continue;
    files.push({ path: `${directory}/${local}`, content: { copyOf: file } });
  }
  const what = command.ok
    ? 'it runs in a copy of the layer, so that what it writes elsewhere is not seen by other layers'
    : command.failure.message;
  return { name, files, notes: [{ at, text: `local_run: ${what}`, isLost: !command.ok }] };
}

/** `10-basic.yml` becomes `basic`; a file `template.yml` has the name of its directory. */
function bareName(file: string): string {
  const own = path.basename(file).replace(/\.[^.]*$/, '');
  const name = own === 'template' ? path.basename(path.dirname(file)) : own;
  const clean = name.replace(/^\d+[-_.]/, '').replaceAll(/[^A-Za-z0-9._-]/g, '_');
  return clean.replace(/^[^A-Za-z0-9]+/, '').slice(0, 60) || 'image';
}

/** The order of lines in each file. */
function byPlace(a: Note, b: Note): number {
  const [fileA = '', lineA = ''] = a.at.split(/:(?=\d+$)/);
  const [fileB = '', lineB = ''] = b.at.split(/:(?=\d+$)/);
  return fileA === fileB ? Number(lineA) - Number(lineB) : 0;
}
