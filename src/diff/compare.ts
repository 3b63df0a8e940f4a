// Compares the systems on two disks. They are mounted one after the other: the disks of two layers may be copies of one
// btrfs, which the kernel takes for the same file system.

import {
  type DiskDiff,
  PACKAGE_DATABASES,
  type PackageDatabase,
  type PackageDifference,
} from '../model/disk-diff.ts';
import { ok, type Result } from '../model/failure.ts';
import type { MountOptions } from '../model/ports/machine.ts';
import type { DiskImage, DiskViewer, Entry, OpenDisk } from '../model/ports/viewer.ts';
import { type Details, fileDifferences } from './files.ts';
import { databaseFiles, packageDifferences, parsePackages } from './packages.ts';
import { type Paired, pairUp, untouchedSince, withContent } from './pairs.ts';

export interface Comparison {
  /** Undefined is an empty disk. */
  readonly before: DiskImage | undefined;
  readonly after: DiskImage;
  readonly options: MountOptions;
  /**
   * Whether the newer disk was made by changing files on the older one, in a mounted file system. Untouched files are
   * then recognized without reading them.
   */
  readonly isDescendant: boolean;
}

/** The packages and files that differ. Fails like DiskViewer.open. */
export async function compareDisks(
  comparison: Comparison,
  viewer: DiskViewer,
): Promise<Result<Pick<DiskDiff, 'packages' | 'files' | 'notes'>>> {
  const { before, after, options } = comparison;
  const old = before ? await visit(viewer, before, options, (disk) => disk.list()) : ok<readonly Entry[]>([]);
  if (!old.ok) return old;
  const seen = await visit(viewer, after, options, async (disk) => {
    const list = await disk.list();
    if (!list.ok) return list;
    const isUntouched = comparison.isDescendant ? untouchedSince(old.value) : () => false;
    const paired = pairUp(old.value, list.value, isUntouched);
    const inspected = await inspect(disk, paired, paired.added, list.value, viewer);
    return inspected.ok ? ok({ list: list.value, paired, inspected: inspected.value }) : inspected;
  });
  if (!seen.ok) return seen;
  const { list, paired } = seen.value;
  const needsInspection = before !== undefined && (paired.both.length > 0 || paired.removed.length > 0);
  const inspected = needsInspection
    ? await visit(viewer, before, options, (disk) => inspect(disk, paired, paired.removed, old.value, viewer))
    : ok(NOTHING);
  if (!inspected.ok) return inspected;
  const details = { before: inspected.value, after: seen.value.inspected };
  const databases = new Set([...details.before.packages.keys(), ...details.after.packages.keys()]);
  const packages = [...databases].flatMap((database): PackageDifference[] => {
    const [had, has] = [details.before, details.after].map(({ packages }) =>
      parsePackages(database, packages.get(database) ?? ''),
    );
    return packageDifferences(database, had ?? [], has ?? []);
  });
  const notes = new Set([...details.before.notes, ...details.after.notes]);
  return ok({ packages, files: fileDifferences(paired, old.value, list, details), notes: [...notes] });
}

interface Inspected extends Details {
  readonly packages: ReadonlyMap<PackageDatabase, string>;
  readonly notes: readonly string[];
}

const NOTHING: Inspected = { contents: new Map(), attributes: new Map(), packages: new Map(), notes: [] };

/** Reads what listing the files does not show. @param alone the files that only this disk has */
async function inspect(
  disk: OpenDisk,
  { both, added, removed }: Paired,
  alone: readonly Entry[],
  list: readonly Entry[],
  viewer: DiskViewer,
): Promise<Result<Inspected>> {
  const notes: string[] = [];
  const readable = both.filter(({ after }) => !isTooLong(after.path));
  for (const { after } of both.filter(({ after }) => isTooLong(after.path) && after.type === 'file')) {
    const name = after.path.slice(after.path.lastIndexOf('/') + 1);
    notes.push(
      `${after.path.slice(0, 60)}…/${name}: only its size, mode and owner were compared: the path is longer than the kernel takes`,
    );
  }
  const contents = await disk.contents(withContent(readable).map(({ after }) => after.path));
  if (!contents.ok) return contents;
  const paths = readable.map(({ after }) => after.path);
  const reachable = alone.map(({ path }) => path).filter((path) => !isTooLong(path));
  const attributes = viewer.readsAttributes
    ? await disk.attributes([...paths, ...reachable])
    : ok(NOTHING.attributes);
  if (!attributes.ok) return attributes;
  if (!viewer.readsAttributes && both.length > 0) {
    notes.push(
      'extended attributes, ACLs and capabilities were not compared: getfattr is not installed (apt-get install attr)',
    );
  }
  const touched = new Set([...paths, ...[...added, ...removed].map((entry) => entry.path)]);
  const packages = new Map<PackageDatabase, string>();
  for (const database of PACKAGE_DATABASES) {
    const files = databaseFiles(
      database,
      list.filter((entry) => entry.type === 'file').map((entry) => entry.path),
    );
    if (!databaseFiles(database, [...touched]).length || files.length === 0) continue;
    if (database === 'rpm' && !viewer.readsRpm) {
      notes.push('rpm packages were not compared: rpm is not installed (apt-get install rpm)');
      continue;
    }
    const text = await disk.packages(database, files);
    if (!text.ok) return text;
    packages.set(database, text.value);
  }
  return ok({ contents: contents.value, attributes: attributes.value, packages, notes });
}

/** Whether a path, with the dot before it and NUL after it, is longer than PATH_MAX. */
function isTooLong(path: string): boolean {
  return path.length > 1000 && Buffer.byteLength(path) > 4094;
}

/** Opens a disk, inspects it, and closes it again. */
export async function visit<T>(
  viewer: DiskViewer,
  image: DiskImage,
  options: MountOptions,
  work: (disk: OpenDisk) => Promise<Result<T>>,
): Promise<Result<T>> {
  const disk = await viewer.open(image, options);
  if (!disk.ok) return disk;
  const seen = await work(disk.value);
  if (!seen.ok) return seen; // disposing of the viewer closes the disk
  const closed = await disk.value.close();
  return closed.ok ? seen : closed;
}
