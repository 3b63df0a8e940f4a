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
