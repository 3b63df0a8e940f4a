// Which disks the words of a command line mean: layers, artifacts, image files, machines; and what a single one is compared
// with.

import { statSync } from 'node:fs';
import path from 'node:path';
import { runsInImage } from '../../kinds/registry.ts';
import {
  artifactFile,
  type BuildRecord,
  type Digest,
  MAIN_DISK,
  mainDisk,
  parseArtifactFile,
} from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isLayer, type LayerNode } from '../../model/graph.ts';
import type { Machine } from '../../model/machine/machine.ts';
import type { MountOptions } from '../../model/ports/machine.ts';
import type { InPlace } from '../../model/ports/store.ts';
import { type DiskImage, imageOf } from '../../model/ports/viewer.ts';
import { parseRecipe } from '../../model/recipe.ts';
import { findLayer } from '../../plan/find-layer.ts';
import type { ImageLayers } from '../../plan/images.ts';
import { projectGraph } from '../../plan/variants.ts';
import { locateTarget } from '../../project/inputs/bind-sources.ts';
import { namesIn } from '../../util/fs.ts';
import type { Disks } from '../parts.ts';
import { isImageFile } from '../shell-image.ts';
import type { Workspace } from '../workspace.ts';

export interface FoundDisk {
  /** Its name for users. */
  readonly name: string;
  readonly image: DiskImage;
  /** The layer that it is the disk of, where that is known. */
  readonly layer?: LayerNode;
}

export interface ChosenDisks {
  /** Undefined is a disk with nothing on it: what a disk made from scratch is compared with. */
  readonly before: FoundDisk | undefined;
  readonly after: FoundDisk;
  /** As the layer's script says, so that what it saw is compared. */
  readonly options: MountOptions;
  readonly isDescendant: boolean;
}

/** One word is compared with its parent. Fails as `usage` for words that mean nothing, or nothing built yet. */
export async function chooseDisks(
  words: readonly [string] | readonly [string, string],
  workspace: Workspace,
  disks: Disks,
  signal: AbortSignal,
): Promise<Result<ChosenDisks>> {
  const places = imagePlaces(workspace, disks);
  const layers = await knownLayers(workspace, places);
  const find = (word: string) => findImage(word, layers, places, signal);
  const after = await find(words[1] ?? words[0]);
  if (!after.ok) return after;
  const chain = await places.chain(after.value.image);
  if (!chain.ok) return chain;
  const before =
    words[1] === undefined ? ok(parentOf(after.value, chain.value, layers, places)) : await find(words[0]);
  if (!before.ok) return before;
  return ok({
    before: before.value,
    after: after.value,
    options: mountOptions(after.value.image, after.value.layer ?? before.value?.layer),
    isDescendant: before.value !== undefined && isDescendant(before.value.image, after.value.image, layers),
  });
}

/** A disk of an image or a machine, to be read. */
export interface NamedDisk {
  /** `main` for the system disk. */
  readonly name: string;
  readonly image: DiskImage;
  readonly options: MountOptions;
  /** Of its artifact, where vlb built it. */
  readonly digest: Digest | undefined;
  /** When it was built, or for another file its time; ISO 8601. */
  readonly created: string;
}

/**
 * The disks with files that a word means: those of a machine of vlb.yaml, or the one of a layer, an image, an artifact or an
 * image file. Fails as `usage` for a word that means nothing, or nothing built yet.
 */
export async function disksOf(
  word: string,
  workspace: Workspace,
  disks: Disks,
  signal: AbortSignal,
): Promise<Result<readonly NamedDisk[]>> {
  const places = imagePlaces(workspace, disks);
  const layers = await knownLayers(workspace, places);
  const machine = layers.machines.find(({ name }) => name === word);
  const wanted = machine?.disks.flatMap(({ name, image }) => (image === undefined ? [] : [{ name, image }]));
  const found: NamedDisk[] = [];
  for (const { name, image: disk } of wanted ?? [{ name: MAIN_DISK, image: word }]) {
    const one = await findImage(disk, layers, places, signal);
    if (!one.ok) return one;
    const { image, layer } = one.value;
    found.push({
      name,
      image,
      options: mountOptions(image, layer),
      digest: digestIn(path.basename(image.file)),
      created: recordOf(image, layers)?.created ?? statSync(image.file).mtime.toISOString(),
    });
  }
  return ok(found);
}

/** Where the images of a project are. */
interface ImagePlaces extends Pick<Disks, 'openImage' | 'chain'> {
  readonly inPlace: InPlace;
  /** The directory that holds every artifact. */
  readonly artifacts: string;
}

function imagePlaces({ paths, parts }: Workspace, disks: Disks): ImagePlaces {
  const artifacts = disks.artifactDirectory(paths);
  const store = { artifactDirectory: artifacts, drop: async () => {} }; // nothing is put in place here
  return { ...disks, inPlace: parts.openInPlace(paths, store), artifacts };
}

/** How a disk is mounted to be read: as the script of its layer says. */
export function mountOptions(image: DiskImage, node: LayerNode | undefined): MountOptions {
  const meant = node?.layer;
  const { rootPartition, fstab, partitionMounts = [] } = meant?.hints ?? {};
  return {
    partitionMounts,
    fstab: fstab === 'ignore' ? 'ignored' : 'tried',
    acceptsErrors: true,
    whereOf: (target) => (meant ? locateTarget(meant, target) : { file: image.file }),
    ...(rootPartition === undefined ? {} : { rootPartition }),
  };
}

interface KnownLayers {
  /** The layers that vlb.yaml gives another name; or why no layers are known. */
  readonly names: Result<ImageLayers>;
  readonly nodes: readonly LayerNode[];
  readonly machines: readonly Machine[];
  /** The names of the bases that layers are built on. */
  readonly bases: ReadonlySet<string>;
  readonly records: readonly { readonly node: LayerNode; readonly record: BuildRecord }[];
}

const NONE: Omit<KnownLayers, 'names'> = { nodes: [], machines: [], bases: new Set(), records: [] };

/** Two image files need no project, so a missing or wrong one is reported only when a layer is asked for. */
async function knownLayers(workspace: Workspace, { inPlace }: ImagePlaces): Promise<KnownLayers> {
  const project = await workspace.load();
  if (!project.ok) return { names: project, ...NONE };
  const graph = projectGraph(project.value, new Map());
  if (!graph.ok) return { names: graph, ...NONE };
  const { everything, images } = graph.value;
  const nodes = everything.nodes.filter(isLayer);
  const records = await Promise.all(
    nodes.map(async (node) => ({ node, record: await inPlace.last(node.name) })),
  );
  return {
    names: ok(images),
    nodes,
    machines: project.value.machines.map(({ machine }) => machine),
    bases: new Set(everything.nodes.filter((node) => !isLayer(node)).map((node) => node.name)),
    records: records.flatMap(({ node, record }) => (record ? [{ node, record }] : [])),
  };
}

async function findImage(
  word: string,
  layers: KnownLayers,
  places: ImagePlaces,
  signal: AbortSignal,
): Promise<Result<FoundDisk>> {
  const { names, nodes, bases, records } = layers;
  const known = nodes.map((node) => node.name);
  const name = names.ok ? findLayer(names.value.get(word) ?? word, known) : names;
  if (name.ok) return layerImage(name.value, await places.inPlace.linked(name.value), layers, places);
  const onBase = bases.has(word) ? records.find(({ node }) => node.parent === word) : undefined;
  if (onBase?.record.parent) {
    return artifactImage(artifactFile(onBase.record.parent), word, layers, places);
  }
  if (/^[0-9a-f]{4,64}$/.test(word)) {
    const artifacts = namesIn(places.artifacts).filter((file) => digestIn(file)?.startsWith(word));
    const [only] = artifacts;
    if (artifacts.length > 1) {
      return fail('usage', `${artifacts.length} artifacts begin with ${word}`, {
        hint: 'give more of its digest',
      });
    }
    if (only !== undefined) return artifactImage(only, word, layers, places);
  }
  if (!isImageFile(word)) return name;
  const image = await places.openImage(path.resolve(word), 'compared', signal);
  return image.ok ? ok({ ...nameImage(image.value, layers), name: word }) : image;
}

/** A layer's disk as it is in place; or of its last build, where the links were removed. */
function layerImage(
  name: string,
  linked: string | undefined,
  layers: KnownLayers,
  places: ImagePlaces,
): Result<FoundDisk> {
  const last = layers.records.find(({ node }) => node.name === name)?.record;
  const digest = linked ?? (last && mainDisk(last.artifact).digest);
  const hint = `vlb build ${name} first`;
  if (digest === undefined) return fail('usage', `${name} is not built yet`, { hint });
  const file = namesIn(places.artifacts).find((candidate) => digestIn(candidate) === digest);
  if (file === undefined) return fail('usage', `the artifact of ${name} is gone from the store`, { hint });
  return artifactImage(file, name, layers, places);
}

function artifactImage(
  file: string,
  name: string,
  layers: KnownLayers,
  { artifacts }: ImagePlaces,
): Result<FoundDisk> {
  return ok({ ...nameImage(wholeImage(file, layers, artifacts), layers), name });
}

/** A main disk with the further ones of its artifact, as far as a record says which these are. */
function wholeImage(file: string, { records }: KnownLayers, artifacts: string): DiskImage {
  const image = { file: path.join(artifacts, file), format: 'qcow2' };
  const digest = digestIn(file);
  for (const { record } of records) {
    for (const artifact of [record.artifact, record.parent]) {
      if (artifact && mainDisk(artifact).digest === digest) return imageOf(artifact, artifacts);
    }
  }
  return image;
}

/** What an image is called where nobody named it. */
function nameImage(image: DiskImage, { nodes, bases, records }: KnownLayers): FoundDisk {
  const digest = digestIn(path.basename(image.file));
  if (digest === undefined) return { name: path.basename(image.file), image };
  const made = records.find(({ record }) => mainDisk(record.artifact).digest === digest)?.node;
  if (made) return { name: made.name, image, layer: made };
  const onIt = records.find(({ record }) => record.parent && mainDisk(record.parent).digest === digest)?.node;
  const below = onIt?.parent;
  const parent = nodes.find((node) => node.name === below);
  if (parent) return { name: parent.name, image, layer: parent };
  return { name: below !== undefined && bases.has(below) ? below : digest.slice(0, 12), image };
}

/** What a layer was built on; for another image, its backing file. */
function parentOf(
  { image }: FoundDisk,
  [, backing]: readonly DiskImage[],
  layers: KnownLayers,
  { artifacts }: ImagePlaces,
): FoundDisk | undefined {
  const record = recordOf(image, layers);
  const parent = record?.parent && imageOf(record.parent, artifacts);
  const below = record ? parent : backing;
  return below ? nameImage(below, layers) : undefined;
}

function recordOf({ file }: DiskImage, { records }: KnownLayers): BuildRecord | undefined {
  const digest = digestIn(path.basename(file));
  return records.find(({ record }) => mainDisk(record.artifact).digest === digest)?.record;
}

/** Whether one disk became the other by scripts alone that ran in it. */
function isDescendant(ancestor: DiskImage, image: DiskImage, layers: KnownLayers): boolean {
  const wanted = digestIn(path.basename(ancestor.file));
  let digest = digestIn(path.basename(image.file));
  const seen = new Set<Digest>();
  while (digest !== undefined && digest !== wanted && !seen.has(digest)) {
    seen.add(digest);
    const record = layers.records.find((one) => mainDisk(one.record.artifact).digest === digest)?.record;
    if (!record || !runsInImage(parseRecipe(record.recipe).kind)) return false;
    digest = record.parent ? mainDisk(record.parent).digest : undefined;
  }
  return digest !== undefined && digest === wanted;
}

function digestIn(file: string): Digest | undefined {
  return parseArtifactFile(file)?.digest;
}
