// The projects that use a store: each is registered in it, so that what their build/ leads to is not taken from them.

import { createHash } from 'node:crypto';
import { readlinkSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { artifactFile } from '../../model/artifact.ts';
import { parseRecord } from '../../model/record.ts';
import { systemError } from '../../util/errors.ts';
import { namesIn, textIfAny } from '../../util/fs.ts';
import { makeDirectoryDurably, writeFileDurably } from '../local/durable.ts';
import { ARTIFACT, type StorePlaces } from '../names.ts';

/** A project as the store sees it. All absolute. */
export interface ProjectPlaces {
  readonly project: string;
  readonly build: string;
  /** .vlb/ */
  readonly state: string;
}

/** How often a use is noted, ms: what is in place cannot be evicted, so that this need not be exact. */
const DAY = 86_400_000;

/** A name may have 255 bytes, and while it is written this one has a suffix. */
const LONGEST = 200;

/** Whether the project is registered and its use was noted within a day. Costs one stat(2). */
export function usedToday(places: StorePlaces, project: ProjectPlaces): boolean {
  const { file, text } = registration(places, project);
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.size === Buffer.byteLength(text) && Math.abs(Date.now() - stat.mtimeMs) < DAY;
}

/** Registers a project, or notes that it was used now. Throws node's fs errors. */
export function register(places: StorePlaces, project: ProjectPlaces): void {
  const { file, text } = registration(places, project);
  if (textIfAny(file) === text) {
    utimesSync(file, new Date(), new Date());
    return;
  }
  // One that a power cut made empty would tell others that nothing is in place here.
  makeDirectoryDurably(places.projects);
  const temporary = `${file}.${process.pid}`;
  writeFileDurably(temporary, text);
  renameSync(temporary, file);
}

/** The registered projects that are still there. */
export function livingProjects(places: StorePlaces): readonly ProjectPlaces[] {
  return registrations(places).flatMap((name) => {
    const project = readRegistration(places, name);
    return project && isThere(project) ? [project] : [];
  });
}

/** Removes the registrations of projects that are gone. */
export function forgetGone(places: StorePlaces): void {
  for (const name of registrations(places)) {
    const project = readRegistration(places, name);
    if (!project || !isThere(project)) rmSync(path.join(places.projects, name), { force: true });
  }
}

/** A project of another user's that cannot be looked into is still there; what it has in place is not known then. */
function isThere({ state }: ProjectPlaces): boolean {
  try {
    return statSync(state).isDirectory();
  } catch (error) {
    const { code } = systemError(error);
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

/** The artifacts that a project's build/ leads to, and those of its uncached layers, by the names of their files. */
export function artifactsInPlace({ build, state }: ProjectPlaces): ReadonlySet<string> {
  const found = linkedArtifacts(build);
  const records = path.join(state, 'in-place');
  for (const name of namesIn(records)) {
    if (!name.endsWith('.json')) continue;
    const artifact = parseRecord(textIfAny(path.join(records, name)) ?? '')?.artifact;
    if (artifact?.keeping === 'uncached') found.add(artifactFile(artifact));
  }
  return found;
}

/** The artifacts that the links in a directory lead to. */
export function linkedArtifacts(build: string): Set<string> {
  const found = new Set<string>();
  for (const { target } of artifactLinks(build)) found.add(path.basename(target));
  return found;
}

/** The links in a directory that lead to artifacts, of whatever store. */
export function artifactLinks(build: string): { name: string; target: string }[] {
  return namesIn(build).flatMap((name) => {
    const target = linkTarget(path.join(build, name));
    return target !== undefined && ARTIFACT.test(path.basename(target)) ? [{ name, target }] : [];
  });
}

function linkTarget(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined; // no link
  }
}

/** A project that holds the store is registered by relative paths, so that both can be moved as a whole. */
function registration(places: StorePlaces, project: ProjectPlaces): { file: string; text: string } {
  const inside = places.directory.startsWith(`${project.project}/`);
  const as = (place: string) => (inside ? path.relative(places.directory, place) : place);
  const name = fileNameFor(as(project.project));
  const paths = { project: as(project.project), build: as(project.build), state: as(project.state) };
  return { file: path.join(places.projects, `${name}.json`), text: `${JSON.stringify(paths)}\n` };
}

/** The path itself as a name, or where it is too long for one, its hash. */
function fileNameFor(place: string): string {
  const name = encodeURIComponent(place);
  return name.length <= LONGEST ? name : createHash('sha256').update(place).digest('hex');
}

function registrations({ projects }: StorePlaces): string[] {
  return namesIn(projects).filter((name) => name.endsWith('.json'));
}

function readRegistration(places: StorePlaces, name: string): ProjectPlaces | undefined {
  let value: Partial<Record<keyof ProjectPlaces, unknown>> | null;
  try {
    value = JSON.parse(textIfAny(path.join(places.projects, name)) ?? '');
  } catch {
    return undefined;
  }
  const [project, build, state] = [value?.project, value?.build, value?.state];
  if (typeof project !== 'string' || typeof build !== 'string' || typeof state !== 'string') return undefined;
  const at = (place: string) => path.resolve(places.directory, place);
  return { project: at(project), build: at(build), state: at(state) };
}
