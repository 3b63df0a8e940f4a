// The registry of projects that use a store: what the links in their build/ lead to is not removed.

import { createHash } from 'node:crypto';
import { renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { systemError } from '../../util/errors.ts';
import { namesIn, textIfAny } from '../../util/fs.ts';
import { parseObject } from '../../util/json.ts';
import { makeDirectoryDurably, writeFileDurably } from '../local/durable.ts';
import type { StorePlaces } from '../names.ts';

/** The directories of a project; absolute paths. */
export interface ProjectPlaces {
  readonly project: string;
  readonly build: string;
  /** .vlb/ */
  readonly state: string;
}

/** How often a use is recorded, ms. It need not be exact: what is in place is not evicted. */
const DAY = 86_400_000;

/** A name may have 255 bytes, and the temporary file has a suffix. */
const LONGEST = 200;

/** Whether the project is registered and its use was recorded within a day. Costs one stat(2). */
export function usedToday(places: StorePlaces, project: ProjectPlaces): boolean {
  const { file, text } = registration(places, project);
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.size === Buffer.byteLength(text) && Math.abs(Date.now() - stat.mtimeMs) < DAY;
}

/** Registers a project, or records that it was used now. Throws node's fs errors. */
export function register(places: StorePlaces, project: ProjectPlaces): void {
  const { file, text } = registration(places, project);
  if (textIfAny(file) === text) {
    utimesSync(file, new Date(), new Date());
    return;
  }
  // Durably: after a power cut an empty registration would mean that nothing is in place here.
  makeDirectoryDurably(places.projects);
  const temporary = `${file}.${process.pid}`;
  writeFileDurably(temporary, text);
  renameSync(temporary, file);
}

/** The registered projects that still exist. */
export function existingProjects(places: StorePlaces): readonly ProjectPlaces[] {
  return registrations(places).flatMap((name) => {
    const project = readRegistration(places, name);
    return project && exists(project) ? [project] : [];
  });
}

/** Removes the registrations of projects that are gone. */
export function forgetGone(places: StorePlaces): void {
  for (const name of registrations(places)) {
    const project = readRegistration(places, name);
    if (!project || !exists(project)) rmSync(path.join(places.projects, name), { force: true });
  }
}

/** Another user's project that cannot be accessed exists too; what it has in place is unknown then. */
function exists({ state }: ProjectPlaces): boolean {
  try {
    return statSync(state).isDirectory();
  } catch (error) {
    const { code } = systemError(error);
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

/** A project that contains the store is registered with relative paths, so that both can be moved as a whole. */
function registration(places: StorePlaces, project: ProjectPlaces): { file: string; text: string } {
  const inside = places.directory.startsWith(`${project.project}/`);
  const as = (place: string) => (inside ? path.relative(places.directory, place) : place);
  const name = fileNameFor(as(project.project));
  const paths = { project: as(project.project), build: as(project.build), state: as(project.state) };
  return { file: path.join(places.projects, `${name}.json`), text: `${JSON.stringify(paths)}\n` };
}

/** A path as a file name, or its hash if that would be too long. */
function fileNameFor(place: string): string {
  const name = encodeURIComponent(place);
  return name.length <= LONGEST ? name : createHash('sha256').update(place).digest('hex');
}

function registrations({ projects }: StorePlaces): string[] {
  return namesIn(projects).filter((name) => name.endsWith('.json'));
}

function readRegistration(places: StorePlaces, name: string): ProjectPlaces | undefined {
  const text = textIfAny(path.join(places.projects, name)) ?? '';
  const { project, build, state } = parseObject(text) ?? {};
  if (typeof project !== 'string' || typeof build !== 'string' || typeof state !== 'string') return undefined;
  const at = (place: string) => path.resolve(places.directory, place);
  return { project: at(project), build: at(build), state: at(state) };
}
