// What is in place in a project: the links in build/, and each layer's last record in .vlb/in-place/.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { type Artifact, artifactFile, type BuildRecord, type Digest } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { InPlace } from '../../model/ports/store.ts';
import { parseRecord } from '../../model/record.ts';
import { systemError } from '../../util/errors.ts';
import { realPathOrSame } from '../../util/fs.ts';
import { backingFile } from '../local/qcow2-header.ts';

export interface InPlaceOptions {
  /** build/ */
  readonly build: string;
  /** .vlb/ */
  readonly state: string;
  /** The project: links to a store inside it are relative, so that it can be moved as a whole. */
  readonly project: string;
  readonly artifacts: string;
  /** Removes uncached artifacts from the store, by the names of their files, unless somebody else uses them. */
  readonly drop: (names: readonly string[]) => Promise<void>;
}

const LAYER_LINK = /^\d{2,}_.*\.qcow2$/;
const ARTIFACT = /^(?:uncached-)?([0-9a-f]{64})\.qcow2$/;
const IMAGE = 'image.qcow2';
const IN_PLACE = 'in-place';

export function openInPlace(options: InPlaceOptions): InPlace {
  const records = path.join(options.state, IN_PLACE);
  let places: RealPlaces | undefined; // followed once, not for each layer
  return {
    linked: async (layer) => {
      places ??= realPlaces(options);
      return places && linkedDigest(places, layer);
    },
    last: async (layer) => readLast(path.join(records, `${layer}.json`)),
    save: async (layer, record) => save(layer, record, records),
    link: (layers, image, named, all) => link(layers, image, named, all, options),
  };
}

/** Where build/ and the artifacts really are. */
interface RealPlaces {
  readonly build: string;
  readonly artifacts: readonly string[];
}

function realPlaces({ build, artifacts }: InPlaceOptions): RealPlaces | undefined {
  try {
    return { build: realpathSync(build), artifacts: [artifacts, realPathOrSame(artifacts)] };
  } catch {
    return undefined; // there is no build/ yet
  }
}

function linkedDigest({ build, artifacts }: RealPlaces, layer: string): Digest | undefined {
  const link = readLink(`${build}/${layer}.qcow2`);
  if (link === undefined) return undefined;
  const target = path.resolve(build, link);
  const inStore = artifacts.includes(path.dirname(target));
  const digest = inStore ? ARTIFACT.exec(path.basename(target))?.[1] : undefined;
  return digest as Digest | undefined; // the name was matched as one
}

function readLast(file: string): BuildRecord | undefined {
  try {
    return parseRecord(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function save(layer: string, record: BuildRecord, records: string): Result<void> {
  const file = path.join(records, `${layer}.json`);
  const earlier = readLast(file);
  try {
    mkdirSync(records, { recursive: true });
    writeFileSync(`${file}.tmp`, `${JSON.stringify(record, undefined, 1)}\n`);
    renameSync(`${file}.tmp`, file);
    if (earlier?.artifact.keeping === 'uncached') noteSuperseded(records, earlier.artifact);
    return ok();
  } catch (error) {
    return cannotWrite(records, error);
  }
}

/** What build/ leads to may stand on it still, so it goes only once no link does: see `dropSuperseded`. */
function noteSuperseded(records: string, artifact: Artifact): void {
  mkdirSync(path.join(records, 'superseded'), { recursive: true });
  writeFileSync(path.join(records, 'superseded', artifactFile(artifact)), '');
}

/** Removes superseded uncached artifacts that nothing in place leads to. */
async function dropSuperseded(
  records: string,
  { drop }: InPlaceOptions,
  reachable: ReadonlySet<string>,
): Promise<void> {
  const kept = new Set(reachable);
  for (const name of readdirSync(records).filter((entry) => entry.endsWith('.json'))) {
    const record = readLast(path.join(records, name));
    if (record) kept.add(artifactFile(record.artifact));
  }
  const superseded = readdirSync(path.join(records, 'superseded'));
  const unused = superseded.filter((name) => ARTIFACT.test(name) && !kept.has(name));
  if (unused.length === 0) return;
  await drop(unused);
  for (const name of unused) rmSync(path.join(records, 'superseded', name), { force: true });
}

/** Removes the links of layers that are gone, and what is noted of those. */
function forgetLayers(
  all: readonly string[],
  names: readonly string[],
  { build, state }: InPlaceOptions,
): void {
  const known = new Set(all.map((layer) => `${layer}.qcow2`));
  for (const name of names) {
    if (!LAYER_LINK.test(name) || known.has(name) || readLink(path.join(build, name)) === undefined) continue;
    rmSync(path.join(build, name), { force: true });
    const records = path.join(state, IN_PLACE);
    const record = path.join(records, `${name.replace(/\.qcow2$/, '')}.json`);
    const artifact = readLast(record)?.artifact;
    if (artifact?.keeping === 'uncached') noteSuperseded(records, artifact);
    rmSync(record, { force: true });
  }
}

async function link(
  layers: readonly { readonly layer: string; readonly artifact: Artifact }[],
  wanted: { readonly artifact: Artifact; readonly flat: boolean } | undefined,
  named: ReadonlyMap<string, Artifact | undefined>,
  all: readonly string[] | undefined,
  options: InPlaceOptions,
): Promise<Result<string>> {
  const { build } = options;
  const image = path.join(build, IMAGE);
  try {
    mkdirSync(build, { recursive: true });
    const way = wayToArtifacts(options);
    for (const { layer, artifact } of layers) {
      pointTo(path.join(build, `${layer}.qcow2`), path.join(way, artifactFile(artifact)));
    }
    const flat = wanted?.flat === true && lstatSync(image, { throwIfNoEntry: false })?.isFile() === true;
    if (wanted && !flat) pointTo(image, path.join(way, artifactFile(wanted.artifact)));
    linkNamed(named, build, way);
    const names = readdirSync(build);
    if (all) forgetLayers(all, names, options);
    const reachable = linkAncestors(names, options, way);
    const records = path.join(options.state, IN_PLACE);
    if (existsSync(path.join(records, 'superseded'))) await dropSuperseded(records, options, reachable);
    return ok(image);
  } catch (error) {
    return cannotWrite(build, error);
  }
}

/** The links of the images that the project names; those of names that it no longer has go. */
function linkNamed(named: ReadonlyMap<string, Artifact | undefined>, build: string, way: string): void {
  for (const file of readdirSync(build)) {
    const name = path.basename(file, '.qcow2');
    const other = file === IMAGE || LAYER_LINK.test(file) || ARTIFACT.test(file) || named.has(name);
    if (!other && leadsToArtifact(path.join(build, file))) rmSync(path.join(build, file), { force: true });
  }
  for (const [name, artifact] of named) {
    if (artifact) pointTo(path.join(build, `${name}.qcow2`), path.join(way, artifactFile(artifact)));
  }
}

/** Whether a file in build/ is a link of vlb's: what a person put there stays. */
function leadsToArtifact(file: string): boolean {
  return ARTIFACT.test(path.basename(readLink(file) ?? ''));
}

/**
 * QEMU looks for a relative backing file beside the name that it was given, not beside what a link leads to. So every
 * artifact that a link in build/ stands on gets a link there under its own name, and those nobody needs any more go.
 * Returns the names of all artifacts that a link leads to or stands on.
 */
function linkAncestors(
  names: readonly string[],
  { build, artifacts }: InPlaceOptions,
  way: string,
): ReadonlySet<string> {
  const needed = new Set<string>();
  const reachable = new Set<string>();
  for (const name of names) {
    if (ARTIFACT.test(name) || !leadsToArtifact(path.join(build, name))) continue;
    const target = readLink(path.join(build, name));
    if (target === undefined) continue;
    let file = path.basename(target);
    while (!reachable.has(file)) {
      reachable.add(file);
      const backing = backingFile(path.join(artifacts, file));
      if (backing === undefined || !ARTIFACT.test(path.basename(backing))) break;
      file = path.basename(backing);
      needed.add(file);
    }
  }
  for (const name of names) {
    if (ARTIFACT.test(name) && !needed.has(name)) rmSync(path.join(build, name), { force: true });
  }
  for (const name of needed) pointTo(path.join(build, name), path.join(way, name));
  return reachable;
}

/**
 * The directory of the artifacts as links in build/ name it: relative inside the project. The kernel follows them from
 * where build/ really is, which may be elsewhere if build/ is a link itself.
 */
function wayToArtifacts({ build, artifacts, project }: InPlaceOptions): string {
  const [place, real] = [realPathOrSame(build), realPathOrSame(artifacts)];
  const inside = [place, real].every((name) => name.startsWith(`${realPathOrSame(project)}/`));
  return inside ? path.relative(place, real) : artifacts;
}

/** Makes a symbolic link, atomically; leaves it alone where it is right already. */
function pointTo(file: string, text: string): void {
  if (readLink(file) === text) return;
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}`);
  rmSync(temporary, { force: true });
  symlinkSync(text, temporary);
  renameSync(temporary, file);
}

function readLink(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}

function cannotWrite(directory: string, error: unknown): Result<never> {
  const { message } = systemError(error);
  return fail('host', `the outputs cannot be written: ${message}`, { where: { file: directory } });
}
