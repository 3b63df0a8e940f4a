// The port of cache points: the states of disks after the steps of layers, kept in the local store.

import type { Digest, Retention } from '../artifact.ts';
import type { Result } from '../failure.ts';

/** One state. It has exactly one predecessor, by name, so that it is never taken for a state over other bytes. */
export interface Point {
  /** Of these very bytes: no other point ever has it. 64 hexadecimal digits. */
  readonly id: string;
  /** The text of os-release(5) in this state. */
  readonly release: string;
  /** The mount points that vlb created in it and would have removed at the end of the layer, a path a line. */
  readonly made: string;
  /** When the first step of the layer began, milliseconds since 1970. */
  readonly since: number;
}

/** What a point is of. */
export interface PointAbout extends Pick<Point, 'release' | 'made' | 'since'> {
  readonly key: string;
  /** What the layer is built on. */
  readonly parent: { readonly digest: Digest; readonly keeping: Retention };
  /** The point that its file has as backing file; undefined where that is the parent. */
  readonly backing: string | undefined;
  /** For listings: `20_web`, and `install nginx`. */
  readonly layer: string;
  readonly title: string;
}

export interface CachePoints {
  /** The point under a key, if its bytes and all that they need are there. */
  find(key: string): Point | undefined;
  /** The names and sizes of a point's file and of the points below it, the topmost first. Throws node's fs errors. */
  chain(id: string): readonly { readonly id: string; readonly bytes: number }[];
  /**
   * Keeps a point and those below it until the process ends. False if one of them is gone.
   */
  lease(id: string, signal: AbortSignal): Promise<boolean>;
  /** A name for a new point. */
  newId(): string;
  /** How a disk beside the artifacts, or beside the points, refers to a point as its backing file. */
  referenceTo(id: string): string;
  /** How it refers to the disk of an artifact. */
  referenceToArtifact(file: string): string;
  /** Keeps the disk of a draft as the point of this id, in the place of another under its key. The file is moved. */
  keep(draft: string, id: string, about: PointAbout): Promise<Result<void>>;
  /** Ends when all that was kept would survive a power cut. Without that it is valid until the machine is booted again. */
  flushed(): Promise<void>;
  /** What os-release(5) is in a disk, where that was noted. */
  release(parent: string): string | undefined;
  noteRelease(parent: string, text: string): void;
}
