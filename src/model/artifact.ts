// Names and records of what was built.

/** SHA-256 of the bytes of an artifact's disk, 64 hexadecimal digits. */
export type Digest = string & { readonly brand: 'digest' };

/** SHA-256 of everything a build depends on, 64 hexadecimal digits: the store is looked up by it. */
export type Key = string & { readonly brand: 'key' };

/** How an artifact is retained: a `cached` one under its key, for every build; an `uncached` one only in place. */
export type Retention = 'cached' | 'uncached';

/** Something with disks: the main one first, and further ones by names of their own. */
export interface Disks<T> {
  readonly keeping: Retention;
  readonly disks: readonly [T, ...T[]];
}

/** The name of the disk that every artifact has: the one that is booted. */
export const MAIN_DISK = 'main';

/** The name of a disk: it is part of file names, and of variables of scripts. */
export const DISK_NAME = /^[a-z][a-z0-9-]{0,31}$/;

export interface DiskReference {
  readonly name: string;
  readonly digest: Digest;
}

/**
 * An immutable qcow2 delta over the disk of the same name of the parent or another ancestor; or that of the parent itself, where a layer did
 * not change a further disk.
 */
export interface ArtifactDisk extends DiskReference {
  readonly bytes: number;
}

/** One finished layer. */
export type Artifact = Disks<ArtifactDisk>;

export type ArtifactReference = Disks<DiskReference>;

/** What the name of a disk's file says of it. */
export interface ArtifactName {
  readonly digest: Digest;
  readonly keeping: Retention;
}

/** Binds a key to an artifact. Its text, see src/model/record.ts, is `store/keys/<key>.json`. */
export interface BuildRecord {
  readonly key: Key;
  readonly layer: string;
  readonly artifact: Artifact;
  /** The artifact that the layer was built on; null when it has none. */
  readonly parent: ArtifactReference | null;
  /** What the main disk has as its backing file where that is not the parent's: see src/execute/backing.ts. */
  readonly backing?: ArtifactName;
  /** For the local store only: its layer has the hint `# noshare`. */
  readonly noshare?: true;
  /** How long the build took. */
  readonly seconds: number;
  /** When it ended, ISO 8601. */
  readonly created: string;
  /** The canonical text of what the key was made from, see src/model/recipe.ts. */
  readonly recipe: string;
}

/** What the main disk of a record's artifact has as its backing file; null when it has none. */
export function backingOf({ parent, backing }: Pick<BuildRecord, 'parent' | 'backing'>): ArtifactName | null {
  return backing ?? (parent && nameOf(parent));
}

/** The main disk of an artifact, or what stands for it. */
export function mainDisk<T>({ disks: [main] }: Pick<Disks<T>, 'disks'>): T {
  return main;
}

/** Identifies the bytes of all disks: the digest where there is one. */
export function identityOf({ disks }: ArtifactReference): string {
  return disks.map(({ digest }) => digest).join(' ');
}

/** The other disks of an artifact, or what stands for them. */
export function furtherDisks<T>({ disks: [, ...further] }: Pick<Disks<T>, 'disks'>): readonly T[] {
  return further;
}

/** The name of a disk for users: of a layer or an image, and of the disk unless that is the main one. */
export function diskTitle(name: string, disk: string = MAIN_DISK): string {
  return disk === MAIN_DISK ? name : `${name}.${disk}`;
}

/** The name in the title of a disk, and the disk if it may be a further one: the inverse of `diskTitle`. */
export function parseDiskTitle(title: string): readonly [name: string, disk: string | undefined] {
  const dot = title.lastIndexOf('.');
  const disk = title.slice(dot + 1);
  return dot > 0 && DISK_NAME.test(disk) ? [title.slice(0, dot), disk] : [title, undefined];
}

/** The variable of scripts with the device of a further disk. */
export function diskVariable(name: string): string {
  return `VLB_DISK_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** The size of an artifact: of all its disks. */
export function bytesOf({ disks }: Artifact): number {
  return disks.reduce((total, { bytes }) => total + bytes, 0);
}

/** What the file name of an artifact's main disk says. */
export function nameOf({ keeping, disks: [{ digest }] }: ArtifactReference): ArtifactName {
  return { digest, keeping };
}

/** The file name of an artifact's main disk, the same in every directory. */
export function artifactFile(artifact: ArtifactReference): string {
  return diskFile(nameOf(artifact));
}

/** The file names of all disks of an artifact, the main one first. */
export function artifactFiles({ keeping, disks }: ArtifactReference): readonly string[] {
  return disks.map(({ digest }) => diskFile({ digest, keeping }));
}

/** The file name of a disk. */
export function diskFile({ digest, keeping }: ArtifactName): string {
  return `${keeping === 'uncached' ? 'uncached-' : ''}${digest}.qcow2`;
}

/** The disk that a file is named after; undefined for any other name. */
export function parseArtifactFile(name: string): ArtifactName | undefined {
  const [, uncached, digest] = /^(uncached-)?([0-9a-f]{64})\.qcow2$/.exec(name) ?? [];
  if (digest === undefined) return undefined;
  return { digest: digest as Digest, keeping: uncached === undefined ? 'cached' : 'uncached' }; // it was matched as one
}
