// What a new project begins with: trees of files beside the program, and a few lines of its own.

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { CONFIG_FILE } from '../../project/config/config.ts';
import { PACKAGE_ROOT } from '../package-root.ts';

/** An image by its address, with the sha256 of what is there. */
export interface CloudImage {
  readonly url: string;
  readonly sha256: string;
}

export type Base = 'debian' | 'scratch' | CloudImage;

/** What is written where in the new project. */
interface Starter {
  /** Source and target of each file or directory, relative to vlb and to the project. */
  readonly trees: readonly (readonly [source: string, target: string])[];
  /** Names and texts of more files. */
  readonly texts: Readonly<Record<string, string>>;
}

/** What vlb makes in a project. */
const IGNORED = ['/.vlb/', '/build/'];

/** The project's own example is the one that is handed out, so it cannot fall behind. */
function starterOf(base: Base): Starter {
  const seed = ['test-boot/user-data', 'test-boot/user-data'] as const;
  const layer = (from: string, name: string) => [`${from}layers/${name}`, `layers/${name}`] as const;
  if (base === 'debian') return { trees: [layer('', '10_base'), layer('', '20_app'), seed], texts: {} };
  if (base === 'scratch') return { trees: [layer('templates/scratch/', '10_base')], texts: {} };
  const config = `base:\n  url: ${JSON.stringify(base.url)}\n  sha256: ${base.sha256}\n`;
  return { trees: [layer('templates/cloud/', '10_app'), seed], texts: { [CONFIG_FILE]: config } };
}

/** What is in the way of a new project, relative to its directory: other layers too, which would be taken for its own. */
export function inTheWay(directory: string, base: Base): readonly string[] {
  const { trees, texts } = starterOf(base);
  const written = [CONFIG_FILE, ...trees.map(([, target]) => target), ...Object.keys(texts)];
  const layers = [...layersIn(directory, ''), ...layersIn(directory, 'layers/')];
  const found = written.filter((name) => existsSync(path.join(directory, name)));
  return [...new Set([...layers, ...found])].sort();
}

/** Writes the project. Returns what was made, relative to it. Throws node's fs errors. */
export function writeStarter(directory: string, base: Base): readonly string[] {
  const { trees, texts } = starterOf(base);
  for (const [source, target] of trees) {
    copyTree(path.join(PACKAGE_ROOT, source), path.join(directory, target));
  }
  for (const [name, text] of Object.entries(texts)) writeFileSync(path.join(directory, name), text);
  const ignores = addToGitignore(path.join(directory, '.gitignore'));
  return [...trees.map(([, target]) => target), ...Object.keys(texts), ...(ignores ? ['.gitignore'] : [])];
}

/** A copy with ordinary modes, whatever those of the source are: it may be installed read-only. */
function copyTree(source: string, target: string): void {
  const stat = statSync(source);
  if (!stat.isDirectory()) {
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(source, target);
    chmodSync(target, (stat.mode & 0o111) === 0 ? 0o644 : 0o755);
    return;
  }
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(source)) copyTree(path.join(source, name), path.join(target, name));
}

/** Adds what is missing to a .gitignore, and returns whether anything was. */
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
  const place = path.join(directory, folder);
  if (!existsSync(place)) return [];
  return readdirSync(place)
    .filter((name) => /^\d{2,}_/.test(name))
    .map((name) => `${folder}${name}`);
}
