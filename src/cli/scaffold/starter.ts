// The files of a new project: copies of trees in vlb's package, and generated texts.

import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CONFIG_FILE } from '../../project/config/config.ts';
import { makeDirectories, namesIn } from '../../util/fs.ts';
import { PACKAGE_ROOT } from '../package-root.ts';

/** An image to download, and the SHA-256 of its file. */
export interface CloudImage {
  readonly url: string;
  readonly sha256: string;
}

/** A Debian, with a disk of a size and one of the LAYOUTS. */
export interface DebianSystem {
  /** The name of the release: `bookworm`. */
  readonly suite: string;
  /** With a unit: `4G`. */
  readonly size: string;
  readonly layout: 'plain' | 'server';
  /** Whether vlb and its server are in it, in place of the web server of the example. */
  readonly builder: boolean;
}

export type Base = DebianSystem | 'scratch' | CloudImage;

/** Partitions, as lines of the example's layer.yaml; the first are those that it has. */
const LAYOUTS: Readonly<Record<DebianSystem['layout'], readonly string[]>> = {
  plain: ['{ mount: /, size: rest, label: root }'],
  server: [
    '{ mount: /boot, size: 512M, label: boot }',
    '{ filesystem: swap, size: 1G }',
    '{ mount: /, size: rest, minimum: 1500M, label: root }',
    '{ mount: /var, size: rest, minimum: 500M, label: var }',
  ],
};

/** The files of a new project. */
interface Starter {
  /** Source and target of each file or directory, relative to vlb's package and to the project. */
  readonly trees: readonly (readonly [source: string, target: string])[];
  /** Like `trees`, in directories of those. */
  readonly inside?: Starter['trees'];
  /** Generated files: names and texts. */
  readonly texts: Readonly<Record<string, string>>;
}

/** The directories that vlb creates in a project. */
const IGNORED = ['/.vlb/', '/build/'];

/** The example of this repository is the starter, so the tests of the example cover both. */
function starterOf(base: Base): Starter {
  const seed = ['test-boot/user-data', 'test-boot/user-data'] as const;
  const layer = (from: string, name: string) => [`${from}layers/${name}`, `layers/${name}`] as const;
  if (base === 'scratch') return { trees: [layer('templates/scratch/', '10_base')], texts: {} };
  if ('suite' in base && base.builder) {
    const builder = layer('templates/builder/', '20_builder');
    const trees = [layer('', '10_base'), builder, seed];
    return { trees, inside: ownPackage(`${builder[1]}/vlb`), texts: {} };
  }
  if ('suite' in base) return { trees: [layer('', '10_base'), layer('', '20_app'), seed], texts: {} };
  const config = `base:\n  url: ${JSON.stringify(base.url)}\n  sha256: ${base.sha256}\n`;
  return { trees: [layer('templates/cloud/', '10_app'), seed], texts: { [CONFIG_FILE]: config } };
}

/** The files of this vlb, and its Node where bin/vlb looks for one. */
function ownPackage(target: string): Starter['trees'] {
  const { files }: { readonly files: readonly string[] } = JSON.parse(
    readFileSync(path.join(PACKAGE_ROOT, 'package.json'), 'utf8'),
  );
  return [
    ...['package.json', ...files].map((name) => [name, `${target}/${name}`] as const),
    [process.execPath, `${target}/.node/node_modules/node-linux-${process.arch}/bin/node`],
  ];
}

/** Existing files that conflict with a new project, relative to its directory: also layers, which would become part of it. */
export function conflictsIn(directory: string, base: Base): readonly string[] {
  const { trees, texts } = starterOf(base);
  const written = [CONFIG_FILE, ...trees.map(([, target]) => target), ...Object.keys(texts)];
  const layers = [...layersIn(directory, ''), ...layersIn(directory, 'layers/')];
  const found = written.filter((name) => existsSync(path.join(directory, name)));
  return [...new Set([...layers, ...found])].sort();
}

/** Writes the project. Returns the files and directories created, relative to it. Throws node's fs errors. */
export function writeStarter(directory: string, base: Base): readonly string[] {
  const { trees, inside = [], texts } = starterOf(base);
  for (const [source, target] of [...trees, ...inside]) {
    copyTree(path.resolve(PACKAGE_ROOT, source), path.join(directory, target));
  }
  for (const [name, text] of Object.entries(texts)) writeFileSync(path.join(directory, name), text);
  if (typeof base !== 'string' && 'suite' in base) {
    const file = path.join(directory, 'layers/10_base/layer.yaml');
    writeFileSync(file, withSystem(readFileSync(file, 'utf8'), base));
  }
  const ignores = addToGitignore(path.join(directory, '.gitignore'));
  return [...trees.map(([, target]) => target), ...Object.keys(texts), ...(ignores ? ['.gitignore'] : [])];
}

/** The example's layer.yaml for another system. */
function withSystem(text: string, { suite, size, layout }: DebianSystem): string {
  const list = (lines: readonly string[]) => lines.map((line) => `      - ${line}\n`).join('');
  return text
    .replace('suite: bookworm', `suite: ${suite}`)
    .replace('size: 4G', `size: ${size}`)
    .replace(list(LAYOUTS.plain), list(LAYOUTS[layout]));
}

/** V8's, of the node that runs. */
const CODE_CACHE = path.join(PACKAGE_ROOT, 'dist/cache');

/** Copies with modes 0644 and 0755: the source may be installed read-only. */
function copyTree(source: string, target: string): void {
  const stat = statSync(source);
  if (!stat.isDirectory()) {
    makeDirectories(path.dirname(target));
    cpSync(source, target);
    chmodSync(target, (stat.mode & 0o111) === 0 ? 0o644 : 0o755);
    return;
  }
  makeDirectories(target);
  const names = readdirSync(source).filter((name) => path.join(source, name) !== CODE_CACHE);
  for (const name of names) copyTree(path.join(source, name), path.join(target, name));
}

/** Adds the missing lines to a .gitignore. Returns whether there were any. */
function addToGitignore(file: string): boolean {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const lines = text.split('\n');
  const missing = IGNORED.filter((line) => !lines.includes(line));
  if (missing.length === 0) return false;
  const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  writeFileSync(file, `${before}${missing.join('\n')}\n`);
  return true;
}

function layersIn(directory: string, folder: string): string[] {
  return namesIn(path.join(directory, folder))
    .filter((name) => /^\d{2,}_/.test(name))
    .map((name) => `${folder}${name}`);
}
