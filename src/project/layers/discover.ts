// Finds the numbered layer directories of a project and reads the script and hints of each.

import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Platform } from '../../model/platform.ts';
import type { Layer, ScriptKind } from '../../model/project.ts';
import { systemError } from '../../util/errors.ts';
import { directoryObstacle, isDirectory, isMisread, realPathIfAny, statIfAny } from '../../util/fs.ts';
import { parseHints } from '../hints/parse.ts';
import { checkEncoding } from '../inputs/encoding.ts';
import { LARGEST_TEXT, readFile, unreadable } from '../inputs/read-file.ts';
import { overlooked } from './overlooked.ts';

export const LAYER_NAME = /^\d{2,}_[A-Za-z0-9][A-Za-z0-9._-]*$/;

export const SCRIPTS: readonly ScriptKind[] = ['build-layer', 'modify-disk', 'boot-layer', 'layer.yaml'];

/**
 * All layers, sorted by number, then by name, for one platform. They are in `layers/`, or at the project's root in older
 * projects. Fails as `usage` on the first invalid layer.
 */
export async function discoverLayers(
  projectDirectory: string,
  platform: Platform,
): Promise<Result<readonly Layer[]>> {
  const directory = path.join(projectDirectory, 'layers');
  const folder = listLayers(directory);
  const root = listLayers(projectDirectory);
  if (!folder.ok) return folder;
  if (!root.ok) return root;
  const [inFolder, atRoot] = [folder.value, root.value];
  if (inFolder.length > 0 && atRoot.length > 0) {
    return fail(
      'usage',
      `there are layers both in layers/ (${inFolder[0]}) and at the project's root (${atRoot[0]})`,
      {
        where: { file: projectDirectory },
        hint: 'move them all into layers/',
      },
    );
  }
  const parent = atRoot.length > 0 ? projectDirectory : directory;
  const names = [...inFolder, ...atRoot].sort(byNumberThenName);
  if (names.length === 0) {
    const obstacle = statIfAny(directory) ? undefined : directoryObstacle(directory);
    if (obstacle) return fail('usage', obstacle.why, { where: { file: directory }, hint: obstacle.hint });
    const detail = overlooked(projectDirectory).map(({ file, message }) => {
      return `${path.relative(projectDirectory, file)}: ${message}`;
    });
    return fail('usage', 'no layers found', {
      where: { file: projectDirectory },
      ...(detail.length === 0 ? {} : { detail }),
      hint: 'create one with `vlb new-layer base --modify-disk`: a directory like layers/10_base with a script, build-layer or modify-disk',
    });
  }
  const layers: Layer[] = [];
  for (const name of names) {
    const layer = await readLayer(path.join(parent, name), platform);
    if (!layer.ok) return layer;
    layers.push(layer.value);
  }
  return ok(layers);
}

/** The sorted names of a project's layers, without reading the layers. */
export function layerNamesOf(projectDirectory: string): readonly string[] {
  return layerNames(layersDirectory(projectDirectory))
    .filter((name) => LAYER_NAME.test(name))
    .sort(byNumberThenName);
}

/** The directory that holds a project's layers: the project's root in the older layout. */
export function layersDirectory(projectDirectory: string): string {
  return layerNames(projectDirectory).length > 0 ? projectDirectory : path.join(projectDirectory, 'layers');
}

/** The number at the start of a layer's name. */
export function layerNumber(name: string): number {
  return Number.parseInt(name, 10);
}

/** A layer's name without its number. */
export function bareName(name: string): string {
  return name.replace(/^\d+_/, '');
}

function byNumberThenName(a: string, b: string): number {
  return layerNumber(a) - layerNumber(b) || (a < b ? -1 : 1);
}

function layerNames(directory: string): readonly string[] {
  const listed = listLayers(directory);
  return listed.ok ? listed.value : [];
}

/** The subdirectories that look like layers; none for an absent directory. Fails as `usage` when it cannot be read. */
function listLayers(directory: string): Result<readonly string[]> {
  try {
    const names = readdirSync(directory).filter((name) => /^\d{2,}_/.test(name));
    const misread = names.find((name) => isMisread(path.join(directory, name)));
    if (misread !== undefined) {
      return fail('usage', `the name "${misread}" is not valid UTF-8`, {
        where: { file: directory },
        hint: 'rename it',
      });
    }
    return ok(names.filter((name) => isDirectory(path.join(directory, name))));
  } catch (error) {
    const { code } = systemError(error);
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR';
    return isAbsent ? ok([]) : unreadable(`the directory ${path.basename(directory)}`, directory, error);
  }
}

async function readLayer(directory: string, platform: Platform): Promise<Result<Layer>> {
  const name = path.basename(directory);
  if (!LAYER_NAME.test(name)) {
    return fail('usage', `"${name}" is not a valid layer name`, {
      where: { file: directory },
      hint: 'use letters, digits, dots, dashes and underscores after the number',
    });
  }
  let scripts: { kind: ScriptKind; stat: Stats }[];
  try {
    scripts = SCRIPTS.flatMap((kind) => {
      const stat = lstatSync(path.join(directory, kind), { throwIfNoEntry: false });
      return stat ? [{ kind, stat }] : [];
    });
  } catch (error) {
    return unreadable(`layer ${name}`, directory, error);
  }
  const [only, second] = scripts;
  const kickstart = only === undefined ? await readKickstartLayer(directory, platform) : ok(undefined);
  if (!kickstart.ok || kickstart.value !== undefined) return kickstart as Result<Layer>; // not undefined
  if (only === undefined) {
    return fail('usage', `layer ${name} has no script`, {
      where: { file: directory },
      hint: 'add an executable build-layer, boot-layer or modify-disk, or a layer.yaml with steps, or a kickstart file',
    });
  }
  if (second) {
    return fail('usage', `layer ${name} has both ${only.kind} and ${second.kind}`, {
      where: { file: directory },
      hint: 'split it into two layers: a layer has one script',
    });
  }
  const { kind, stat } = only;
  if (kind === 'layer.yaml') {
    const { readLayerFile } = await import('../steps/read.ts');
    const read = await readLayerFile(directory, platform);
    return read.ok ? ok({ name, directory, kind, platform, params: {}, ...read.value }) : read;
  }
  const script = path.join(directory, kind);
  const text = readScript(script, stat, name);
  if (!text.ok) return text;
  const hints = parseHints(text.value, script, kind);
  return hints.ok ? ok({ name, directory, kind, platform, hints: hints.value, params: {} }) : hints;
}

/** The layer of a kickstart file that is in the place of a layer.yaml; undefined for a directory without one. */
async function readKickstartLayer(directory: string, platform: Platform): Promise<Result<Layer | undefined>> {
  if (!readdirSync(directory).some((name) => name.endsWith('.ks'))) return ok(undefined);
  const { kickstartOf } = await import('../steps/kickstart.ts');
  const file = kickstartOf(directory);
  if (!file.ok || file.value === undefined) return file as Result<undefined>;
  const { readLayerFile } = await import('../steps/read.ts');
  const read = await readLayerFile(directory, platform, file.value);
  if (!read.ok) return read;
  const name = path.basename(directory);
  return ok({ name, directory, kind: 'layer.yaml', file: file.value, platform, params: {}, ...read.value });
}

function readScript(script: string, own: Stats, layer: string): Result<string> {
  const where = { file: script };
  let stat = own;
  if (own.isSymbolicLink()) {
    const real = realPathIfAny(script);
    if (real === undefined) {
      return fail('usage', `the script of layer ${layer} is a dangling symbolic link`, { where });
    }
    if (!real.startsWith(`${realpathSync(path.dirname(script))}/`)) {
      return fail('usage', `the script of layer ${layer} is a symbolic link to a file outside the layer`, {
        where,
        hint: 'copy it into the layer or use # chroot-bind-mount; vlb tracks changes only inside the layer',
      });
    }
    stat = statSync(script);
  }
  if (!stat.isFile()) return fail('usage', `the script of layer ${layer} is not a file`, { where });
  const read = readFile(script, { what: `the script of layer ${layer}`, atMost: LARGEST_TEXT });
  if (!read.ok) return read;
  const text = read.value.toString();
  if ((stat.mode & 0o100) === 0) {
    return fail('usage', `the script of layer ${layer} is not executable`, {
      where,
      hint: `chmod +x ${script}`,
    });
  }
  const encoded = checkEncoding(read.value, script, `the script of layer ${layer}`, true);
  if (!encoded.ok) return encoded;
  // The kernel takes everything between `#!` and the line feed for the interpreter's name, a carriage return included.
  if (/^[^\n]*\r(?:\n|$)/.test(text)) {
    return fail('usage', `the script of layer ${layer} has Windows line endings (CRLF)`, {
      where: { file: script, line: 1 },
      hint: `sed -i 's/\\r$//' ${script}`,
    });
  }
  if (!text.startsWith('#!') && !text.startsWith('\x7fELF')) {
    return fail('usage', `the script of layer ${layer} has no interpreter line`, {
      where: { file: script, line: 1 },
      hint: 'start it with a line like #!/bin/sh',
    });
  }
  return ok(text);
}
