// The distributions of rpm packages that dnf installs: their releases, and the repositories below a mirror of them.

import type { Repository, System } from '../../model/system/system.ts';

export interface RpmDistribution {
  /** `ID` of its os-release(5). */
  readonly id: string;
  /** The newest last; others exist. */
  readonly releases: readonly string[];
  /** Names of repositories and their paths below a mirror; none where no mirror has them in one place. */
  readonly repositories: Readonly<Record<string, string>>;
  /** The package with the kernel for virtual machines. */
  readonly kernel: string;
  /** The packages that boot by UEFI, by architecture as Node names it. */
  readonly efi: Readonly<Record<string, readonly string[]>>;
  /** The first release that has the database of rpm in /usr. */
  readonly databaseInUsr: number;
  /** What modules say that they are for, as `el`, before the number of the release. */
  readonly platform: string;
}

const GRUB_EFI = { x64: ['grub2-efi-x64', 'shim-x64'], arm64: ['grub2-efi-aa64', 'shim-aa64'] };
const EL = {
  releases: ['8', '9', '10'],
  kernel: 'kernel-core',
  efi: GRUB_EFI,
  databaseInUsr: 10,
  platform: 'el',
};
const EL_REPOSITORIES = {
  baseos: '$releasever/BaseOS/$basearch/os/',
  appstream: '$releasever/AppStream/$basearch/os/',
};

export const RPM_DISTRIBUTIONS: Readonly<Record<string, RpmDistribution>> = {
  fedora: {
    ...EL,
    id: 'fedora',
    releases: ['42', '43', '44'],
    repositories: {
      fedora: 'releases/$releasever/Everything/$basearch/os/',
      updates: 'updates/$releasever/Everything/$basearch/',
    },
    databaseInUsr: 36,
    platform: 'f',
  },
  'centos-stream': {
    ...EL,
    id: 'centos',
    releases: ['9', '10'],
    repositories: {
      baseos: '$releasever-stream/BaseOS/$basearch/os/',
      appstream: '$releasever-stream/AppStream/$basearch/os/',
    },
  },
  rhel: { ...EL, id: 'rhel', repositories: {} },
  alma: { ...EL, id: 'almalinux', repositories: EL_REPOSITORIES },
  rocky: { ...EL, id: 'rocky', repositories: EL_REPOSITORIES },
  amazon: {
    ...EL,
    id: 'amzn',
    releases: ['2023'],
    repositories: {},
    kernel: 'kernel',
    efi: { x64: ['grub2-efi-x64-ec2'], arm64: ['grub2-efi-aa64-ec2'] },
    databaseInUsr: Number.POSITIVE_INFINITY,
    platform: 'al',
  },
};

/** The distribution of a system that was checked. */
export function rpmDistributionOf({ distribution }: Pick<System, 'distribution'>): RpmDistribution {
  const found = RPM_DISTRIBUTIONS[distribution];
  if (!found) throw new Error(`${distribution} was checked before`);
  return found;
}

/** What is to be put into the file that an installation reads. Texts have no line breaks. */
export interface RepositorySections {
  readonly text: string;
  /** Those to leave in the image, by the names of their files. */
  readonly kept: readonly Repository[];
}

/** The sections of dnf.conf(5) for the repositories that a file names; undefined where it names none. */
export function repositorySections(system: System): RepositorySections | undefined {
  const { mirror, keyring, repositories = [] } = system;
  if (mirror === undefined && repositories.length === 0) return undefined;
  const own = mirror === undefined ? [] : Object.entries(rpmDistributionOf(system).repositories);
  const all: readonly Repository[] = [
    ...own.map(([name, path]) => ({
      name,
      url: `${mirror}/${path}`,
      ...(keyring === undefined ? {} : { key: keyring }),
    })),
    ...repositories,
  ];
  return {
    text: all.map((repository) => repositorySection(repository, LAYER)).join(''),
    kept: repositories.filter(({ keep }) => keep === true),
  };
}

/** The files of the layer, whatever blanks the path of that directory has. */
const LAYER = 'file:///proc/self/cwd';

/** Where keys of repositories are in images. */
export const KEYS = '/etc/pki/rpm-gpg';

/** Of the image, for a repository that stays there. @param key the name of the file with its key */
export function keptSection(repository: Repository, key: string | undefined): string {
  return repositorySection(
    { ...repository, ...(key === undefined ? {} : { key: `/${key}` }) },
    `file://${KEYS}`,
  );
}

function repositorySection({ name, url, from, key, cost, excludes }: Repository, files: string): string {
  const place = url?.startsWith('./') ? `${files}/${url.slice(2)}` : url;
  const lines = [
    `[${name}]`,
    `name=${name}`,
    ...(place === undefined ? [] : [`baseurl=${place}`]),
    ...(from === undefined ? [] : [`${from.type}=${from.url}`]),
    ...(key === undefined ? ['gpgcheck=0'] : ['gpgcheck=1', `gpgkey=${files}/${key.replace(/^\.?\//, '')}`]),
    ...(cost === undefined ? [] : [`cost=${cost}`]),
    ...(excludes === undefined ? [] : [`excludepkgs=${excludes.join(' ')}`]),
  ];
  return `${lines.join('\n')}\n`;
}
