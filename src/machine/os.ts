// Operating systems: from os-release(5) of an image to the short id of osinfo's database, and from that to its parts.

export interface Os {
  /** Short id, such as `debian12`. */
  readonly id: string;
  /** Identifier in osinfo's database; undefined for a short id that this table does not know. */
  readonly url: string | undefined;
  readonly isWindows: boolean;
  /** The short id without the version, such as `debian`. */
  readonly distribution: string;
  /** Such as `12` or `24.04`; empty without one. */
  readonly version: string;
}

/** What a system is called of which nothing is known: the newest generic Linux that all versions of osinfo-db in use have. */
export const GENERIC_OS = 'linux2020';

/** The short ids that consist of a word and a version, and the identifiers of both. */
const VERSIONED: Readonly<Record<string, string>> = {
  debian: 'http://debian.org/debian/',
  ubuntu: 'http://ubuntu.com/ubuntu/',
  fedora: 'http://fedoraproject.org/fedora/',
  rhel: 'http://redhat.com/rhel/',
  'centos-stream': 'http://centos.org/centos-stream/',
  centos: 'http://centos.org/centos/',
  rocky: 'http://rockylinux.org/rocky/',
  almalinux: 'http://almalinux.org/almalinux/',
  ol: 'http://oracle.com/ol/',
  opensuse: 'http://opensuse.org/opensuse/',
  sles: 'http://suse.com/sles/',
  sle: 'http://suse.com/sle/',
  alpinelinux: 'http://alpinelinux.org/alpinelinux/',
  mageia: 'http://mageia.org/mageia/',
  'nixos-': 'http://nixos.org/nixos/',
  slackware: 'http://slackware.com/slackware/',
  freebsd: 'http://freebsd.org/freebsd/',
  openbsd: 'http://openbsd.org/openbsd/',
  netbsd: 'http://netbsd.org/netbsd/',
  linux: 'http://libosinfo.org/linux/',
  win: 'http://microsoft.com/win/',
};

/** The short ids without a version. */
const ROLLING: Readonly<Record<string, string>> = {
  debiantesting: 'http://debian.org/debian/testing',
  opensusetumbleweed: 'http://opensuse.org/opensuse/tumbleweed',
  archlinux: 'http://archlinux.org/archlinux/rolling',
  gentoo: 'http://gentoo.org/gentoo/rolling',
  manjaro: 'http://manjaro.org/manjaro/rolling',
  voidlinux: 'http://voidlinux.org/voidlinux/rolling',
};

/** What is known about a short id. */
export function osOf(id: string): Os {
  const isWindows = id.startsWith('win');
  const rolling = ROLLING[id];
  if (rolling !== undefined) {
    const distribution = id.replace(/(testing|tumbleweed)$/, '');
    return { id, url: rolling, isWindows, distribution, version: id.slice(distribution.length) };
  }
  const word = Object.keys(VERSIONED).find(
    (name) => id.startsWith(name) && (/^\d/.test(id.slice(name.length)) || name === 'win'),
  );
  if (word === undefined) return { id, url: undefined, isWindows, distribution: id, version: '' };
  const version = id.slice(word.length);
  const distribution = word.replace(/-$/, '');
  return { id, url: `${VERSIONED[word]}${version.replace('sp', '.')}`, isWindows, distribution, version };
}

/** How each distribution's os-release becomes a short id. @param version its VERSION_ID, empty without one */
const FROM_OS_RELEASE: Readonly<Record<string, (version: string, name: string) => string>> = {
  debian: (version) => `debian${version || 'testing'}`,
  ubuntu: (version) => `ubuntu${version}`,
  fedora: (version) => `fedora${version}`,
  rhel: (version) => `rhel${version}`,
  centos: (version, name) => {
    if (name.includes('Stream')) return `centos-stream${version}`;
    return version === '7' ? 'centos7.0' : `centos${version}`;
  },
  rocky: (version) => `rocky${major(version)}`,
  almalinux: (version) => `almalinux${major(version)}`,
  ol: (version) => `ol${version}`,
  'opensuse-leap': (version) => `opensuse${version}`,
  'opensuse-tumbleweed': () => 'opensusetumbleweed',
  sles: (version) => `${major(version) === '15' ? 'sle' : 'sles'}${version.replace('.', 'sp')}`,
  alpine: (version) => `alpinelinux${version.split('.').slice(0, 2).join('.')}`,
  mageia: (version) => `mageia${version}`,
  nixos: (version) => `nixos-${version}`,
  slackware: (version) => `slackware${version}`,
  freebsd: (version) => `freebsd${version}`,
  arch: () => 'archlinux',
  gentoo: () => 'gentoo',
  manjaro: () => 'manjaro',
  void: () => 'voidlinux',
};

function major(version: string): string {
  return version.split('.')[0] ?? version;
}

/** The short id of the system with an os-release file; that of a generic Linux where it is not in the table. */
export function osFromRelease(osRelease: string): string {
  const field = (name: string) => releaseField(osRelease, name) ?? '';
  const distribution = field('ID');
  const known = Object.hasOwn(FROM_OS_RELEASE, distribution) ? FROM_OS_RELEASE[distribution] : undefined;
  const id = known?.(field('VERSION_ID'), field('NAME'));
  return id !== undefined && /^[a-z][a-z0-9.-]*[a-z0-9]$/.test(id) ? id : GENERIC_OS;
}

/** What a system calls itself, such as `Debian GNU/Linux 13 (trixie)`; undefined where its os-release does not say it. */
export function titleFromRelease(osRelease: string): string | undefined {
  return releaseField(osRelease, 'PRETTY_NAME') || undefined;
}

function releaseField(osRelease: string, name: string): string | undefined {
  return new RegExp(`^${name}=(["']?)(.*)\\1\\s*$`, 'm').exec(osRelease)?.[2]?.trim();
}
