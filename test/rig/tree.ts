// Temporary trees of files, and the small values of the model that tests make over and over.

import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Artifact, Digest, Retention } from '../../src/model/artifact.ts';
import type { Failure, Result } from '../../src/model/failure.ts';
import type { Platform } from '../../src/model/platform.ts';
import type { Hints, Layer } from '../../src/model/project.ts';

/** What a name in a tree stands for: a file's content, a symbolic link, or a file with a mode of its own. */
export type Content =
  | string
  | Uint8Array
  | { readonly link: string }
  | { readonly content: string | Uint8Array; readonly mode: number };

export type Files = Readonly<Record<string, Content>>;

/** A directory that goes away at the end of its scope; VLB_TEST_KEEP=1 leaves it for a look and says where it is. */
export class Tree implements Disposable {
  readonly directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'vlb-tree-')));

  constructor(files: Files = {}) {
    this.write(files);
  }

  path(...names: string[]): string {
    return path.join(this.directory, ...names);
  }

  /** Names that end in a slash are empty directories; scripts are made executable. */
  write(files: Files): void {
    for (const [name, content] of Object.entries(files)) {
      const file = this.path(name);
      mkdirSync(name.endsWith('/') ? file : path.dirname(file), { recursive: true });
      if (!name.endsWith('/')) writeEntry(file, content);
    }
  }

  read(...names: string[]): string {
    return readFileSync(this.path(...names), 'utf8');
  }

  [Symbol.dispose](): void {
    if (process.env['VLB_TEST_KEEP']) process.stderr.write(`kept for a look: ${this.directory}\n`);
    else rmSync(this.directory, { recursive: true, force: true });
  }
}

function writeEntry(file: string, content: Content): void {
  if (typeof content === 'string' || content instanceof Uint8Array) {
    writeFileSync(file, content);
    chmodSync(file, /^(build-layer|modify-disk)$/.test(path.basename(file)) ? 0o755 : 0o644);
  } else if ('link' in content) {
    symlinkSync(content.link, file);
  } else {
    writeFileSync(file, content.content);
    chmodSync(file, content.mode);
  }
}

/** The value of a result that has to be good. */
export function valueIn<T>(result: Result<T>): T {
  if (!result.ok) assert.fail(`unexpected failure: ${JSON.stringify(result.failure)}`);
  return result.value;
}

/** The failure of a result that has to be bad. */
export function failureIn(result: Result<unknown>): Failure {
  if (result.ok) assert.fail(`unexpectedly good: ${JSON.stringify(result.value)}`);
  return result.failure;
}

export const NO_HINTS: Hints = {
  nocache: false,
  noshare: false,
  bindMounts: [],
  partitionMounts: [],
  layerMounts: [],
  params: [],
  secrets: [],
  passphrases: [],
  cacheDirs: [],
  disks: [],
  places: [],
  targetLines: new Map(),
  noNetwork: false,
};

/** The platform of layers in tests, whatever this machine is. */
export const PLATFORM: Platform = { architecture: 'x64', os: 'linux' };

/** A layer as discovery would give it. */
export function layerOf(
  name: string,
  more: Partial<Omit<Layer, 'hints'>> & { hints?: Partial<Hints> } = {},
): Layer {
  return {
    params: {},
    name,
    directory: `/project/layers/${name}`,
    kind: 'build-layer',
    platform: PLATFORM,
    ...more,
    hints: { ...NO_HINTS, ...more.hints },
  };
}

/** An artifact with one disk. */
export function artifactOf(digest: Digest, keeping: Retention = 'cached', bytes = 1): Artifact {
  return { keeping, disks: [{ name: 'main', digest, bytes }] };
}

/** A well-formed digest that is one hexadecimal digit over and over. */
export function digestOf(digit: string): Digest {
  assert.match(digit, /^[0-9a-f]$/);
  return digit.repeat(64) as Digest; // 64 hexadecimal digits, as just checked
}
