// What is known of the system in an image: from its os-release(5).

export interface Distribution {
  /** `ID`, such as `debian`. */
  readonly id: string;
  /** `ID_LIKE`: the distributions that it is derived from, the closest first. */
  readonly like: readonly string[];
  /** `VERSION_ID`, such as `12`; undefined for one without versions. */
  readonly version: string | undefined;
  /** `VERSION_CODENAME`, such as `bookworm`. */
  readonly codename: string | undefined;
}

/** The distribution that an os-release file describes; `linux`, as os-release(5) has it, where it does not say. */
export function distributionOf(osRelease: string): Distribution {
  const values = new Map<string, string>();
  for (const line of osRelease.split('\n')) {
    const [, name, value] = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) values.set(name, unquoted(value));
  }
  const like = (values.get('ID_LIKE') ?? '').split(/\s+/).filter(Boolean);
  return {
    id: values.get('ID') || 'linux',
    like,
    version: values.get('VERSION_ID') || undefined,
    codename: values.get('VERSION_CODENAME') || undefined,
  };
}

/** What `ID_LIKE` is in the distributions that have one: of those that are built on others. */
const LIKE: Readonly<Record<string, readonly string[]>> = {
  ubuntu: ['debian'],
  linuxmint: ['ubuntu', 'debian'],
  raspbian: ['debian'],
  kali: ['debian'],
  rhel: ['fedora'],
  centos: ['rhel', 'fedora'],
  rocky: ['rhel', 'centos', 'fedora'],
  almalinux: ['rhel', 'centos', 'fedora'],
  ol: ['fedora'],
  amzn: ['fedora'],
  'opensuse-leap': ['suse', 'opensuse'],
  'opensuse-tumbleweed': ['opensuse', 'suse'],
  sles: ['suse'],
  manjaro: ['arch'],
};

/** The distribution of a name like `debian-12` or `opensuse-leap-15.6`; undefined for another text. */
export function namedDistribution(text: string): Distribution | undefined {
  const [, id, version] = /^([a-z][a-z0-9._]*(?:-[a-z][a-z0-9._]*)*)(?:-(\d[\w.]*))?$/.exec(text) ?? [];
  if (id === undefined) return undefined;
  return { id, like: LIKE[id] ?? [], version, codename: undefined };
}

/** A value as a shell would read it, without expansions: os-release(5) has none. */
function unquoted(value: string): string {
  const [, quote, inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
  if (inner === undefined) return value;
  return quote === '"' ? inner.replaceAll(/\\(["$`\\])/g, '$1') : inner;
}

/** Whether it is this distribution, or derived from it. */
export function isLike({ id, like }: Distribution, ...names: readonly string[]): boolean {
  return [id, ...like].some((one) => names.includes(one));
}

/** The first number of its version; `or` for a distribution without versions, and one whose numbers are its own. */
export function majorVersion({ version }: Distribution, or: number): number {
  const major = Number.parseInt(version ?? '', 10);
  return Number.isNaN(major) ? or : major;
}

/** The distribution as messages name it: `debian 12`. */
export function distributionName({ id, version }: Distribution): string {
  return version === undefined ? id : `${id} ${version}`;
}
