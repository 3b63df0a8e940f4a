// Package databases: parses dpkg's status file, rpm's list and apk's database, and compares two of them.

import type { PackageDatabase, PackageDifference } from '../model/disk-diff.ts';
import { compareVersions } from './versions.ts';

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The package of the sources that it was built from, where the database says so and it has another name. */
  readonly source?: string;
  /** As the database has it; dpkg's has none. */
  readonly license?: string;
}

/** The files of a database among all paths of a disk; empty without that database. */
export function databaseFiles(database: PackageDatabase, paths: readonly string[]): readonly string[] {
  const files = paths.filter((file) => PLACES[database].test(file));
  // If a disk has two, the first is in use: the other one was left behind by a migration.
  const directory = directoryOf(files.sort()[0] ?? '');
  return files.filter((file) => directoryOf(file) === directory);
}

const PLACES: Readonly<Record<PackageDatabase, RegExp>> = {
  dpkg: /^\/var\/lib\/dpkg\/status$/,
  apk: /^\/(?:usr\/)?lib\/apk\/db\/installed$/,
  rpm: /^\/(?:usr\/lib\/sysimage|usr\/share|var\/lib)\/rpm\/(?:rpmdb\.sqlite(?:-wal)?|Packages|Packages\.db)$/,
};

function directoryOf(file: string): string {
  return file.slice(0, file.lastIndexOf('/'));
}

/** The packages in the text of `OpenDisk.packages`. */
export function parsePackages(database: PackageDatabase, text: string): readonly Package[] {
  return PARSERS[database](text);
}

const PARSERS: Readonly<Record<PackageDatabase, (text: string) => Package[]>> = {
  dpkg: parseDpkg,
  rpm: parseRpm,
  apk: parseApk,
};

/** dpkg's status file: one paragraph a package, the fields of deb-control(5) and `Status: want flag state`. */
function parseDpkg(text: string): Package[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}: *(.*)$`, 'm').exec(paragraph)?.[1];
    const name = field('Package');
    const state = field('Status')?.split(' ')[2];
    // Removed, with configuration files left behind.
    const isGone = state === undefined || state === 'config-files' || state === 'not-installed';
    if (name === undefined || isGone) return [];
    const source = field('Source')?.replace(/ .*/, '');
    return [
      {
        name,
        version: field('Version') ?? '',
        architecture: field('Architecture') ?? '',
        ...(source && source !== name ? { source } : {}),
      },
    ];
  });
}

function parseRpm(text: string): Package[] {
  return text.split('\n').flatMap((line) => {
    const [name, version, architecture = '', license, sourceFile] = line.split('\t');
    if (!name || !version) return [];
    const source = /^(.+)-[^-]+-[^-]+\.(?:no)?src\.rpm$/.exec(sourceFile ?? '')?.[1];
    return [
      { name, version, architecture, ...(source && source !== name ? { source } : {}), ...given(license) },
    ];
  });
}

/** apk's database: one paragraph a package, a letter a field. */
function parseApk(text: string): Package[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, 'm').exec(paragraph)?.[1];
    const [name, source] = [field('P'), field('o')];
    if (!name) return [];
    const about = { name, version: field('V') ?? '', architecture: field('A') ?? '' };
    return [{ ...about, ...(source && source !== name ? { source } : {}), ...given(field('L')) }];
  });
}

function given(license: string | undefined): Pick<Package, 'license'> {
  return license && license !== '(none)' ? { license } : {};
}

/** The differences, by name. Packages installed in several versions are added and removed version by version. */
export function packageDifferences(
  database: PackageDatabase,
  before: readonly Package[],
  after: readonly Package[],
): PackageDifference[] {
  const found: PackageDifference[] = [];
  const [had, has] = [byName(before), byName(after)];
  for (const key of new Set([...had.keys(), ...has.keys()])) {
    const gone = minus(had.get(key) ?? [], has.get(key) ?? []);
    const come = minus(has.get(key) ?? [], had.get(key) ?? []);
    const one = gone[0] ?? come[0];
    if (!one) continue;
    const about = { database, name: one.name, architecture: one.architecture };
    const [was, is] = [gone[0]?.version, come[0]?.version];
    if (was !== undefined && is !== undefined && gone.length === 1 && come.length === 1) {
      const change = compareVersions(was, is) > 0 ? 'downgraded' : 'upgraded';
      found.push({ ...about, change, before: was, after: is });
      continue;
    }
    found.push(
      ...gone.map(({ version }) => ({ ...about, change: 'removed' as const, before: version })),
      ...come.map(({ version }) => ({ ...about, change: 'added' as const, after: version })),
    );
  }
  return found.sort((a, b) => order(a.name, b.name) || order(a.architecture, b.architecture));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byName(packages: readonly Package[]): ReadonlyMap<string, readonly Package[]> {
  return Map.groupBy(packages, ({ name, architecture }) => `${name}:${architecture}`);
}

function minus(packages: readonly Package[], others: readonly Package[]): readonly Package[] {
  return packages.filter(({ version }) => !others.some((other) => other.version === version));
}
