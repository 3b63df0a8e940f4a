// The differences between two disks as text.

import type { Alteration, DiskDiff, FileDifference, PackageDifference } from '../../model/disk-diff.ts';
import { formatBytes } from '../../util/units.ts';
import type { Style } from '../terminal/style.ts';

/** All differences: a line for each package and each file, the largest first. */
export function diffText(diff: DiskDiff, style: Style): string {
  if (isNothing(diff)) return nothing(diff);
  const { packages } = diff;
  const files = withoutImplied(diff.files);
  return [
    ...(packages.length > 0 ? [style.bold(`packages: ${count(packages)}`)] : []),
    ...packageLines(packages, style),
    ...(files.length > 0 ? [style.bold(`files: ${count(files)}`)] : []),
    ...fileLines(files, style),
  ].join('\n');
}

/** The numbers of packages and files; the files of each top directory. */
export function diffSummary(diff: DiskDiff, style: Style): string {
  if (isNothing(diff)) return nothing(diff);
  const lines = diff.packages.length > 0 ? [`packages: ${count(diff.packages)}`] : [];
  const differences = withoutImplied(diff.files);
  const groups = [...Map.groupBy(differences, ({ path }) => topDirectory(path))]
    .map(([directory, files]) => ({ directory, files, bytes: total(files) }))
    .sort((a, b) => b.bytes - a.bytes || b.files.length - a.files.length);
  const most = groups.reduce((number, { files }) => Math.max(number, files.length), 0);
  const rows = groups.map(({ directory, files, bytes }) => [
    readable(directory),
    String(files.length),
    formatBytes(bytes),
    bar(files, most, style),
  ]);
  const width = (column: number) => longest(rows.map((row) => row[column] ?? ''));
  for (const [directory = '', files = '', bytes = '', graph = ''] of rows) {
    lines.push(
      ` ${directory.padEnd(width(0))} | ${files.padStart(width(1))}  ${bytes.padStart(width(2))} ${graph}`,
    );
  }
  if (differences.length > 0) lines.push(`files: ${count(differences)}, ${formatBytes(total(differences))}`);
  return lines.join('\n');
}

function isNothing({ packages, files }: DiskDiff): boolean {
  return packages.length + files.length === 0;
}

function nothing({ before, after }: DiskDiff): string {
  return `${before} and ${after} contain the same files`;
}

const ORDER = ['added', 'removed', 'upgraded', 'downgraded', 'changed'] as const;

/** `2 added, 1 changed` */
function count(differences: readonly (PackageDifference | FileDifference)[]): string {
  return ORDER.flatMap((change) => {
    const number = differences.filter((difference) => difference.change === change).length;
    return number === 0 ? [] : [`${number} ${change}`];
  }).join(', ');
}

function packageLines(packages: readonly PackageDifference[], style: Style): string[] {
  const names = packages.map(({ name, architecture }) => {
    const isAmbiguous = packages.some((other) => other.name === name && other.architecture !== architecture);
    return readable(isAmbiguous ? `${name}:${architecture}` : name);
  });
  const widest = longest(names);
  const word = longest(packages.map(({ change }) => change));
  return packages.map(({ change, before, after }, index) => {
    const versions = [before, after].flatMap((version) => (version === undefined ? [] : [readable(version)]));
    return `  ${painted(change, word, style)}  ${(names[index] ?? '').padEnd(widest)}  ${versions.join(' → ')}`;
  });
}

function fileLines(shown: readonly FileDifference[], style: Style): string[] {
  const sizes = shown.map(({ bytes }) => (bytes === 0 ? '' : formatBytes(bytes)));
  const widest = longest(sizes);
  const word = longest(shown.map(({ change }) => change));
  return shown.map((file, index) => {
    const remarks =
      file.linkOf === undefined ? file.what.map(alterationText) : [`hard link to ${readable(file.linkOf)}`];
    const target = (file.after ?? file.before)?.target;
    const link = file.change !== 'changed' && target !== undefined ? ` -> ${readable(target)}` : '';
    const isDirectory = (file.after ?? file.before)?.type === 'directory' ? '/' : '';
    const path = file.path === '/' ? '/' : `${readable(file.path)}${isDirectory}`;
    const remark = remarks.length === 0 ? '' : `  ${style.dim(`(${remarks.join(', ')})`)}`;
    const size = widest === 0 ? '' : `  ${(sizes[index] ?? '').padStart(widest)}`;
    return `  ${painted(file.change, word, style)}${size}  ${path}${link}${remark}`;
  });
}

function longest(texts: readonly string[]): number {
  return texts.reduce((length, text) => Math.max(length, text.length), 0);
}

/** Leaves out added or removed directories of which a file is listed. */
function withoutImplied(files: readonly FileDifference[]): readonly FileDifference[] {
  const parents = new Set(
    files.map(({ change, path }) => `${change} ${path.slice(0, path.lastIndexOf('/'))}`),
  );
  return files.filter(
    ({ change, path, before, after }) =>
      change === 'changed' || (after ?? before)?.type !== 'directory' || !parents.has(`${change} ${path}`),
  );
}

function alterationText({ aspect, name, before, after }: Alteration): string {
  switch (aspect) {
    case 'content':
      return 'content';
    case 'attribute': {
      const how = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
      return `${ATTRIBUTES[name ?? ''] ?? `attribute ${readable(name ?? '')}`} ${how}`;
    }
    case 'type':
      return `${before} → ${after}`;
    default:
      return `${aspect} ${readable(before ?? 'none')} → ${readable(after ?? 'none')}`;
  }
}

/** Attributes that are better known under another name. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  'security.capability': 'capabilities',
  'system.posix_acl_access': 'ACL',
  'system.posix_acl_default': 'default ACL',
};

function painted(
  change: (FileDifference | PackageDifference)['change'],
  width: number,
  style: Style,
): string {
  const word = change.padEnd(width);
  if (change === 'added') return style.green(word);
  if (change === 'removed') return style.red(word);
  return style.yellow(word);
}

/** `/usr/lib`, `/var/log`, `/etc`: two levels of the first two, which are large on every system. */
function topDirectory(path: string): string {
  const [, first = '', second, third] = path.split('/');
  if ((first === 'usr' || first === 'var') && second !== undefined && third !== undefined)
    return `/${first}/${second}`;
  return second === undefined ? '/' : `/${first}`;
}

/** The most columns of a bar. */
const COLUMNS = 30;

function bar(files: readonly FileDifference[], most: number, style: Style): string {
  const columns = (change: FileDifference['change']) => {
    const number = files.filter((file) => file.change === change).length;
    return number === 0 ? 0 : Math.max(1, Math.round((number * Math.min(most, COLUMNS)) / most));
  };
  return [
    style.green('+'.repeat(columns('added'))),
    style.red('-'.repeat(columns('removed'))),
    style.yellow('~'.repeat(columns('changed'))),
  ].join('');
}

function total(files: readonly FileDifference[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** A name that is safe to print on one line: unchanged, or in quotes with escapes, as git writes it. */
export function readable(name: string): string {
  const escaped = name.replace(/["\\\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const known = ESCAPES[character];
    if (known !== undefined) return known;
    const bytes = character.isWellFormed()
      ? [...new TextEncoder().encode(character)]
      : [character.charCodeAt(0) & 0xff];
    return bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  });
  return escaped === name ? name : `"${escaped}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};
