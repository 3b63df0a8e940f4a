// Names and records of what was built.

/** SHA-256 of an artifact's bytes, 64 hexadecimal digits. */
export type Digest = string & { readonly brand: 'digest' };

/** SHA-256 of everything a build depends on, 64 hexadecimal digits: the store is looked up by it. */
export type Key = string & { readonly brand: 'key' };

/** How an artifact is retained: a `cached` one under its key, for every build; an `uncached` one only in place. */
export type Retention = 'cached' | 'uncached';

/** One finished layer: an immutable qcow2 delta over its parent or another ancestor. */
export interface Artifact {
  readonly digest: Digest;
  readonly keeping: Retention;
  readonly bytes: number;
}

/** What the name of an artifact's file says of it. */
export type ArtifactName = Pick<Artifact, 'digest' | 'keeping'>;

/** Binds a key to an artifact. Its JSON form is `store/keys/<key>.json`. */
export interface BuildRecord {
  readonly schema: 1;
  readonly key: Key;
  readonly layer: string;
  readonly artifact: Artifact;
  /** The artifact that the layer was built on; null when it has none. */
  readonly parent: ArtifactName | null;
  /** The ancestor that this delta has as its backing file where that is not the parent: see src/execute/backing.ts. */
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

/** The artifact that a record's delta has as its backing file; null when it has none. */
export function backingOf({ parent, backing }: Pick<BuildRecord, 'parent' | 'backing'>): ArtifactName | null {
  return backing ?? parent;
}

/** The file name of an artifact, the same in every directory. */
export function artifactFile({ digest, keeping }: ArtifactName): string {
  return `${keeping === 'uncached' ? 'uncached-' : ''}${digest}.qcow2`;
}

/** The artifact that a file is named after; undefined for any other name. */
export function parseArtifactFile(name: string): ArtifactName | undefined {
  const [, uncached, digest] = /^(uncached-)?([0-9a-f]{64})\.qcow2$/.exec(name) ?? [];
  if (digest === undefined) return undefined;
  return { digest: digest as Digest, keeping: uncached === undefined ? 'cached' : 'uncached' }; // it was matched as one
}
