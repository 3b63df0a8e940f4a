// A new machine in a project: what would be written, and writing it.

import { lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseDocument } from 'yaml';
import { fail, failAt, ok, type Result } from '../model/failure.ts';
import { CONFIG_FILE } from '../project/config/config.ts';
import { LAYER_NAME, layerNamesOf, layerNumber, layersDirectory } from '../project/layers/discover.ts';
import type { Project } from '../project/project.ts';
import { makeDirectories, textIfAny } from '../util/fs.ts';
import { fill, type ProfileFile } from './fill.ts';
import { PROFILE_NAME, type Profile, type ProfilePlaces, profilesIn } from './profile.ts';
import { type Given, readValues } from './values.ts';

/** What is asked for. */
export interface NewMachine {
  readonly profile: string;
  /** The name of the machine, and of its layers. */
  readonly machine: string;
  /** The layer to build it on. Default: the first layer of the project, or its base. */
  readonly parent?: string | undefined;
  readonly values: Given;
}

/** The profile of a name. Fails as `usage` when there is none. */
export function findProfile(name: string, places: ProfilePlaces): Result<Profile> {
  const profiles = profilesIn(places);
  if (!profiles.ok) return profiles;
  const found = profiles.value.find((one) => one.name === name);
  if (found) return ok(found);
  const names = profiles.value.map((one) => one.name);
  return fail('usage', `no profile named "${name}"`, { hint: `valid values: ${names.join(', ')}` });
}

/** The files of a new machine. Nothing is written. Fails as `usage` for values, names or a project that do not fit. */
export function machineFiles(
  { profile: wanted, machine, parent, values: given }: NewMachine,
  project: Project,
  places: ProfilePlaces,
): Result<readonly ProfileFile[]> {
  const profile = findProfile(wanted, places);
  if (!profile.ok) return profile;
  if (!PROFILE_NAME.test(machine)) {
    return fail('usage', `"${machine}" is not a valid name for a machine`, {
      hint: 'use lower-case letters, digits and dashes',
    });
  }
  const values = readValues(profile.value, given);
  if (!values.ok) return values;
  const { directory } = project;
  const layers = layerNamesOf(directory);
  const first = [...layers].sort((one, other) => layerNumber(one) - layerNumber(other))[0];
  const above = parent === undefined || parent === '' ? first : parent;
  if (above === undefined && project.bases.size === 0) {
    return fail('usage', 'the project has neither a layer nor a base to build a machine on', {
      hint: 'create one first: vlb init',
    });
  }
  if (above !== undefined && !layers.includes(above)) return fail('usage', `no layer named "${above}"`);
  const greatest = Math.max(0, ...layers.map(layerNumber));
  const place = path.relative(directory, layersDirectory(directory));
  const files = fill(profile.value, values.value, {
    machine,
    parent: above,
    number: (Math.floor(greatest / 10) + 1) * 10,
    directory: place === '' ? '' : `${place}/`,
    config: textIfAny(path.join(directory, CONFIG_FILE)) ?? '',
  });
  if (!files.ok) return files;
  const bad = files.value.find(({ path: file }) => file !== CONFIG_FILE && !LAYER_NAME.test(layerIn(file)));
  return bad ? fail('usage', `"${layerIn(bad.path)}" is not a valid layer name`) : files;
}

function layerIn(file: string): string {
  return path.basename(path.dirname(file));
}

/**
 * Writes the files of a new machine. Fails as `usage` when the project is not valid with them: then it is as it was.
 * @param load reads the project
 */
export async function writeMachine(
  files: readonly ProfileFile[],
  directory: string,
  load: () => Promise<Result<unknown>>,
): Promise<Result<void>> {
  const config = path.join(directory, CONFIG_FILE);
  const before = textIfAny(config);
  const made: string[] = [];
  const undo = () => {
    for (const layer of made) rmSync(layer, { recursive: true, force: true });
    if (before === undefined) rmSync(config, { force: true });
    else replace(config, before);
  };
  try {
    // vlb.yaml comes last: only then the layers are those of a machine.
    for (const { path: name, text } of files) {
      const file = path.join(directory, name);
      if (name === CONFIG_FILE) {
        replace(file, text);
        continue;
      }
      const layer = path.dirname(file);
      if (lstatSync(layer, { throwIfNoEntry: false })) {
        undo();
        return fail('usage', `${path.relative(directory, layer)} exists`);
      }
      made.push(layer);
      makeDirectories(layer);
      writeFileSync(file, text, { flag: 'wx' });
    }
    const loaded = await load();
    if (!loaded.ok) undo();
    return loaded.ok ? ok() : loaded;
  } catch (error) {
    undo();
    return failAt(directory, 'cannot write the machine', error);
  }
}

/** As a whole: a build may read it at this moment. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/** Saves values as a profile of the project: the profile that they are for, with them as defaults. Fails as `usage`. */
export function saveProfile(
  { profile: wanted, values: given }: Pick<NewMachine, 'profile' | 'values'>,
  name: string,
  places: ProfilePlaces,
): Result<string> {
  const profile = findProfile(wanted, places);
  if (!profile.ok) return profile;
  const values = readValues(profile.value, given);
  if (!values.ok) return values;
  if (!PROFILE_NAME.test(name)) {
    return fail('usage', `"${name}" is not a valid name for a profile`, {
      hint: 'use lower-case letters, digits and dashes',
    });
  }
  const document = parseDocument(profile.value.text);
  for (const [field, value] of values.value) {
    if (value === undefined) document.deleteIn(['fields', field, 'default']);
    else document.setIn(['fields', field, 'default'], value);
  }
  document.setIn(['title'], name);
  const file = path.join(places.own, `${name}.yaml`);
  try {
    makeDirectories(places.own);
    writeFileSync(file, document.toString({ lineWidth: 100 }), { flag: 'wx' });
    return ok(file);
  } catch (error) {
    return failAt(file, 'cannot save the profile', error);
  }
}
