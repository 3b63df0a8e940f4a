// The links in build/: one for each layer and image, and for each of their backing files.

import { lstatSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import {
  type Artifact,
  type Digest,
  diskFile,
  diskTitle,
  parseArtifactFile,
  parseDiskTitle,
} from '../../model/artifact.ts';
import type { LinkedImage } from '../../model/ports/store.ts';
import { attempt } from '../../util/errors.ts';
import { makeDirectories, namesIn, realPathIfAny, realPathOrSame } from '../../util/fs.ts';
import { backingArtifact } from '../local/qcow2-header.ts';

export interface LinkPlaces {
  /** build/ */
  readonly build: string;
  /** The project: links to a store inside it are relative, so that it can be moved as a whole. */
  readonly project: string;
  /** The store's directory of artifacts. */
  readonly artifacts: string;
}

/** What the links are to lead to: the arguments of `InPlace.link`. */
export interface Links {
  readonly layers: readonly { readonly layer: string; readonly artifact: Artifact }[];
  readonly image: LinkedImage | undefined;
  readonly named: ReadonlyMap<string, Artifact | undefined>;
  readonly all: readonly string[] | undefined;
}

const LAYER_LINK = /^\d{2,}_.*\.qcow2$/;
/** The name of the project's image. */
const IMAGE = 'image';

/** The real paths of build/ and of the artifacts. */
export interface RealPlaces {
  readonly build: string;
  readonly artifacts: readonly string[];
}

/** Undefined without a build/. */
export function realPlaces({ build, artifacts }: LinkPlaces): RealPlaces | undefined {
  const real = realPathIfAny(build);
  return real === undefined ? undefined : { build: real, artifacts: [artifacts, realPathOrSame(artifacts)] };
}

/**
 * The digest of the artifact that the link of a layer's disk leads to; undefined when it leads to none of this store.
 * @param title see `diskTitle`
 */
export function linkedDigest({ build, artifacts }: RealPlaces, title: string): Digest | undefined {
  const link = linkTarget(`${build}/${title}.qcow2`);
  if (link === undefined) return undefined;
  const target = path.resolve(build, link);
  const inStore = artifacts.includes(path.dirname(target));
  return inStore ? parseArtifactFile(path.basename(target))?.digest : undefined;
}

/** What was linked. */
export interface Linked {
  /** The path of image.qcow2. */
  readonly image: string;
  /** The layers whose links were removed, since the project no longer has them. */
  readonly removed: readonly string[];
  /** The artifacts that a link leads to or depends on, by file name. */
  readonly reachable: ReadonlySet<string>;
}

/** Makes the links in build/. Throws node's fs errors. Paths are put together as texts: path.join takes longer than readlink(2). */
export function makeLinks({ layers, image: wanted, named, all }: Links, places: LinkPlaces): Linked {
  const { build } = places;
  const image = path.join(build, `${IMAGE}.qcow2`);
  makeDirectories(build);
  const artifacts = pathToArtifacts(places);
  const linked = new Map<string, readonly string[]>();
  const linkAll = (name: string, found: Artifact, isFlat = false) => {
    for (const disk of found.disks) {
      const file = `${build}/${diskTitle(name, disk.name)}.qcow2`;
      const target = diskFile({ digest: disk.digest, keeping: found.keeping });
      const isKept = isFlat && lstatSync(file, { throwIfNoEntry: false })?.isFile();
      if (!isKept) pointTo(file, `${artifacts}/${target}`);
    }
    linked.set(
      name,
      found.disks.map((disk) => disk.name),
    );
  };
  for (const { layer, artifact } of layers) linkAll(layer, artifact);
  if (wanted === 'none') {
    if (leadsToArtifact(image)) rmSync(image, { force: true });
    linked.set(IMAGE, []);
  } else if (wanted) linkAll(IMAGE, wanted.artifact, wanted.flat);
  removeUnnamed(named, build);
  for (const [name, artifact] of named) if (artifact) linkAll(name, artifact);
  removeOtherDisks(linked, build);
  const names = readdirSync(build);
  const removed = all ? removeLayers(all, names, build) : [];
  return { image, removed, reachable: linkBackingFiles(names, places, artifacts) };
}

/** Removes the links of further disks that what was linked does not have. @param linked the names of its disks, by its own */
function removeOtherDisks(linked: ReadonlyMap<string, readonly string[]>, build: string): void {
  for (const file of readdirSync(build)) {
    const title = path.basename(file, '.qcow2');
    const [name, disk] = parseDiskTitle(title);
    if (disk === undefined || linked.has(title) || (linked.get(name)?.includes(disk) ?? true)) continue;
    if (leadsToArtifact(`${build}/${file}`)) rmSync(`${build}/${file}`, { force: true });
  }
}

/** Removes the links of images whose names the project no longer has. */
function removeUnnamed(named: ReadonlyMap<string, Artifact | undefined>, build: string): void {
  for (const file of readdirSync(build)) {
    const title = path.basename(file, '.qcow2');
    const isNamed = [title, parseDiskTitle(title)[0]].some((name) => name === IMAGE || named.has(name));
    const isOther = isNamed || LAYER_LINK.test(file) || parseArtifactFile(file);
    if (!isOther && leadsToArtifact(`${build}/${file}`)) rmSync(`${build}/${file}`, { force: true });
  }
}

/** Removes the links of layers that the project no longer has. Returns the names of those layers. */
function removeLayers(all: readonly string[], names: readonly string[], build: string): readonly string[] {
  const known = new Set(all);
  const removed = names.filter((file) => {
    const title = path.basename(file, '.qcow2');
    const isKnown = known.has(title) || known.has(parseDiskTitle(title)[0]);
    return LAYER_LINK.test(file) && !isKnown && linkTarget(`${build}/${file}`) !== undefined;
  });
  for (const name of removed) rmSync(`${build}/${name}`, { force: true });
  return removed.map((name) => path.basename(name, '.qcow2'));
}

/** Whether a file in build/ is a link made by vlb: the user's own files stay. */
function leadsToArtifact(file: string): boolean {
  return parseArtifactFile(path.basename(linkTarget(file) ?? '')) !== undefined;
}

/**
 * QEMU resolves a relative backing file from the name that it was given, without following links. So every artifact
 * that a link in build/ depends on gets a link there under its own name, and links that are no longer needed are
 * removed. Returns the names of all artifacts that a link leads to or depends on.
 */
function linkBackingFiles(
  names: readonly string[],
  { build, artifacts }: LinkPlaces,
  prefix: string,
): ReadonlySet<string> {
  const needed = new Set<string>();
  const reachable = new Set<string>();
  for (const name of names) {
    if (parseArtifactFile(name)) continue;
    let file = path.basename(linkTarget(`${build}/${name}`) ?? '');
    if (!parseArtifactFile(file)) continue;
    while (!reachable.has(file)) {
      reachable.add(file);
      const backing = backingArtifact(`${artifacts}/${file}`);
      if (backing === undefined) break;
      file = backing;
      needed.add(file);
    }
  }
  for (const name of names) {
    if (parseArtifactFile(name) && !needed.has(name)) rmSync(`${build}/${name}`, { force: true });
  }
  for (const name of needed) pointTo(`${build}/${name}`, `${prefix}/${name}`);
  return reachable;
}

/**
 * The directory of the artifacts for the text of links in build/: relative inside the project. The kernel resolves it
 * from the real path of build/, which may be a link itself.
 */
function pathToArtifacts({ build, artifacts, project }: LinkPlaces): string {
  const [from, to] = [realPathOrSame(build), realPathOrSame(artifacts)];
  const isInside = [from, to].every((name) => name.startsWith(`${realPathOrSame(project)}/`));
  return isInside ? path.relative(from, to) : artifacts;
}

/** Makes a symbolic link, atomically, unless it is already right. */
function pointTo(file: string, text: string): void {
  if (linkTarget(file) === text) return;
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}`);
  rmSync(temporary, { force: true });
  symlinkSync(text, temporary);
  renameSync(temporary, file);
}

/** The links in a directory that lead to artifacts, of any store. */
export function artifactLinks(build: string): readonly { readonly name: string; readonly target: string }[] {
  return namesIn(build).flatMap((name) => {
    const target = linkTarget(path.join(build, name));
    return target !== undefined && parseArtifactFile(path.basename(target)) ? [{ name, target }] : [];
  });
}

/** The artifacts that the links in a directory lead to, by file name. */
export function linkedArtifacts(build: string): Set<string> {
  return new Set(artifactLinks(build).map(({ target }) => path.basename(target)));
}

/** Undefined when it is not a link. */
function linkTarget(file: string): string | undefined {
  return attempt(() => readlinkSync(file));
}
