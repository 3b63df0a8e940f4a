// Names and records of what was built.

/** SHA-256 of an artifact's bytes, 64 hexadecimal digits. */
export type Digest = string & { readonly brand: 'digest' };

/** SHA-256 of everything a build depends on, 64 hexadecimal digits: what the store is asked for. */
export type Key = string & { readonly brand: 'key' };

/** Where an artifact's identity is kept: `cached` ones under their key, for everybody; `uncached` ones only in place. */
export type Keeping = 'cached' | 'uncached';

/** One finished layer: an immutable qcow2 delta over its parent. */
export interface Artifact {
  readonly digest: Digest;
  readonly keeping: Keeping;
  readonly bytes: number;
}

/** Binds a key to an artifact. Its JSON form is `store/keys/<key>.json`. */
export interface BuildRecord {
  readonly schema: 1;
  readonly key: Key;
  readonly layer: string;
  readonly artifact: Artifact;
  /** The artifact this delta stands on; null when it stands on nothing. */
  readonly parent: { readonly digest: Digest; readonly keeping: Keeping } | null;
  /** For the local store only: its layer says `# noshare`. */
  readonly noshare?: true;
  /** How long the build took. */
  readonly seconds: number;
  /** When it ended, ISO 8601. */
  readonly created: string;
  /** The canonical text of what the key was made from, see src/plan/key.ts. */
  readonly recipe: string;
}

/** The file name of an artifact, in whatever directory it is met. */
export function artifactFile(artifact: Pick<Artifact, 'digest' | 'keeping'>): string {
  return `${artifact.keeping === 'uncached' ? 'uncached-' : ''}${artifact.digest}.qcow2`;
}
