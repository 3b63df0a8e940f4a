// What is installed on a disk: the packages of its databases, with their licenses, and which system it is.

import { databaseFiles, type Package, parsePackages } from '../diff/packages.ts';
import { PACKAGE_DATABASES, type PackageDatabase } from '../model/disk-diff.ts';
import { ok, type Result } from '../model/failure.ts';
import type { OpenDisk } from '../model/ports/viewer.ts';
import { licensesInCopyright } from './licenses.ts';

/** What a bill of materials is about. */
export interface Subject {
  /** As the user named it. */
  readonly name: string;
  /** Of its system disk, where vlb built that. */
  readonly digest?: string;
  /** When it was built, or for another file its time; ISO 8601. */
  readonly created: string;
  readonly disks: readonly Inventory[];
}

export interface Inventory {
  /** The name of the disk: `main` for the system disk. */
  readonly disk: string;
  readonly system: System;
  /** Sorted by name, version and architecture. */
  readonly packages: readonly InstalledPackage[];
}

/** What os-release(5) says; empty texts for what it does not. */
export interface System {
  readonly id: string;
  readonly version: string;
  readonly name: string;
}

export interface InstalledPackage extends Omit<Package, 'license'> {
  readonly database: PackageDatabase;
  /** The names of its licenses, in the words of its distribution, each one an expression of names. */
  readonly licenses: readonly string[];
}

/** Longer files of a package's copyright are not read. */
const MOST_BYTES = 1024 * 1024;

/** Reads a mounted disk. Fails as `host`, without rpm for a disk with its database. */
export async function readInventory(disk: OpenDisk, name: string): Promise<Result<Inventory>> {
  const release = await disk.read('/etc/os-release', MOST_BYTES);
  if (!release.ok) return release;
  const list = await disk.list();
  if (!list.ok) return list;
  const paths = list.value.flatMap((entry) => (entry.type === 'file' ? [entry.path] : []));
  const packages: InstalledPackage[] = [];
  for (const database of PACKAGE_DATABASES) {
    const files = databaseFiles(database, paths);
    if (files.length === 0) continue;
    const text = await disk.packages(database, files);
    if (!text.ok) return text;
    for (const { license, ...one } of parsePackages(database, text.value)) {
      if (one.name === '' || (database === 'rpm' && one.name === 'gpg-pubkey')) continue; // rpm keeps keys as packages
      const licenses =
        database === 'dpkg'
          ? await readCopyright(disk, one.name)
          : ok(license === undefined ? [] : [license]);
      if (!licenses.ok) return licenses;
      packages.push({ ...one, database, licenses: licenses.value });
    }
  }
  const sorted = packages.toSorted(
    (a, b) => order(a.name, b.name) || order(a.version, b.version) || order(a.architecture, b.architecture),
  );
  return ok({ disk: name, system: parseRelease(release.value.toString()), packages: sorted });
}

/** The licenses in the machine-readable file of a Debian package; none where it has another kind of file. */
async function readCopyright(disk: OpenDisk, name: string): Promise<Result<readonly string[]>> {
  if (!/^[a-z0-9][a-z0-9+.-]*$/.test(name)) return ok([]);
  const file = await disk.read(`/usr/share/doc/${name}/copyright`, MOST_BYTES);
  if (!file.ok) return file;
  return ok(file.value.length === MOST_BYTES ? [] : licensesInCopyright(file.value.toString()));
}

function parseRelease(text: string): System {
  const field = (name: string) =>
    new RegExp(`^${name}=(["']?)(.*)\\1\\s*$`, 'm').exec(text)?.[2]?.trim() ?? '';
  return { id: field('ID'), version: field('VERSION_ID'), name: field('PRETTY_NAME') };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
