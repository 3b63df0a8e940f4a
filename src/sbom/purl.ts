// Package URLs: https://github.com/package-url/purl-spec

import { PackageURL } from 'packageurl-js';
import type { PackageDatabase } from '../model/disk-diff.ts';
import type { InstalledPackage, System } from './inventory.ts';

const TYPES: Readonly<Record<PackageDatabase, string>> = { dpkg: 'deb', rpm: 'rpm', apk: 'apk' };

/** @param system that the package is installed on: the vendor is part of the URL */
export function purlOf(
  { database, name, version, architecture, source }: InstalledPackage,
  { id, version: release }: System,
): string {
  // The epoch is part of Debian's versions, and stands beside those of rpm.
  const [, epoch, rest = version] = /^(?:(\d+):)?(.*)$/s.exec(version) ?? [];
  const isRpm = database === 'rpm';
  const qualifiers = {
    ...(architecture === '' ? {} : { arch: architecture }),
    ...(id === '' ? {} : { distro: release === '' ? id : `${id}-${release}` }),
    ...(isRpm && epoch !== undefined ? { epoch } : {}),
    ...(source === undefined ? {} : { upstream: source }),
  };
  const vendor = id === '' ? undefined : id;
  const url = new PackageURL(
    TYPES[database],
    vendor,
    name,
    (isRpm ? rest : version) || undefined,
    qualifiers,
    undefined,
  );
  return url.toString();
}
