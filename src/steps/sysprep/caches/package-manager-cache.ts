// sysprep: lists and packages that package managers downloaded.

import { operation } from '../operation.ts';

export const PACKAGE_MANAGER_CACHE = operation({
  name: 'package-manager-cache',
  group: 'caches',
  takes: 'lists and packages that package managers downloaded',
  shell: `rm -rf /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/* /var/cache/apt/*.bin /var/lib/apt/lists/*
rm -rf /var/cache/dnf/* /var/cache/libdnf5/* /var/cache/yum/* /var/cache/zypp/* /var/cache/PackageKit/*
rm -rf /var/cache/pacman/pkg/* /var/cache/apk/*`,
});
