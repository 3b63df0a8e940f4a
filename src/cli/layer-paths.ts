// Layers given by their paths: wherever a command takes the name of a layer, shells complete a directory too.

import path from 'node:path';
import { layerNamesOf, layersDirectory } from '../project/layers/discover.ts';
import { realPathIfAny } from '../util/fs.ts';
import { type Call, camelCased, commandAt, type Path, ROOT } from './args/table/table.ts';
import type { Argument, Command, Option } from './args/table/types.ts';

/** The names of values, in the table of commands, that can be layers. */
const LAYERS = ['LAYER', 'IMAGE', 'DISK'];

/** The command line with the names of layers in place of the paths of their directories. */
export function withLayerNames<P extends Path>(call: Call<P>, project: string): Call<P> {
  const { arguments: own = {}, options = {} }: Command = commandAt(call.path) ?? ROOT;
  const raw: Record<string, unknown> = { ...call.raw };
  for (const [name, { value }] of Object.entries<Argument | Option>({ ...own, ...options })) {
    const field = camelCased(name);
    const given = raw[field];
    if (value === undefined || !LAYERS.includes(value)) continue;
    if (typeof given === 'string') raw[field] = layerNameOf(given, project);
    if (Array.isArray(given)) raw[field] = given.map((word) => layerNameOf(String(word), project));
  }
  return { path: call.path, raw } as unknown as Call<P>; // strings in place of strings
}

/** The name of the layer whose directory a word is the path of, relative to here or to the project; other words as they are. */
function layerNameOf(given: string, project: string): string {
  if (!/\/|^\.\.?$/.test(given)) return given;
  const [, word = '', run = ''] = /^(.*?)(~\d+)?$/s.exec(given) ?? []; // of vlb log
  const folder = layersDirectory(project);
  for (const place of [path.resolve(word), path.resolve(project, word)]) {
    const real = realPathIfAny(place);
    const found = layerNamesOf(project).find((name) => realPathIfAny(path.join(folder, name)) === real);
    if (real !== undefined && found !== undefined) return found + run;
  }
  return given;
}
