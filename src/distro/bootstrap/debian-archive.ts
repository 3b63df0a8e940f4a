// The archives of Debian and Ubuntu: their releases, their mirrors, and the lines of sources.list(5) for them.

import type { System } from '../../model/system/system.ts';
import type { Release } from './port.ts';

interface Archive {
  readonly releases: readonly Release[];
  readonly components: readonly string[];
  /** The origin of its releases, as their signed files have it. */
  readonly origin: string;
  /** Its keys, on machines that have them, and in its own images. */
  readonly keyring: string;
  /** The suites in which nothing is corrected apart from new versions. */
  readonly rolling: readonly string[];
  /** A release that every mmdebstrap knows, whose mirror is that of all. */
  readonly asked: string;
  /** The package with the kernel for virtual machines. @param architecture as dpkg names it */
  kernel(architecture: string): string;
}

const ARCHIVES: Readonly<Record<string, Archive>> = {
  debian: {
    releases: [
      { suite: 'bullseye', version: '11' },
      { suite: 'bookworm', version: '12' },
      { suite: 'trixie', version: '13' },
      { suite: 'forky', version: '14' },
      { suite: 'sid', version: 'unstable' },
    ],
    components: ['main'],
    origin: 'Debian',
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
    rolling: ['sid'],
    asked: 'bullseye',
    kernel: (architecture) => `linux-image-cloud-${architecture}`,
  },
  ubuntu: {
    releases: [
      { suite: 'focal', version: '20.04' },
      { suite: 'jammy', version: '22.04' },
      { suite: 'noble', version: '24.04' },
      { suite: 'questing', version: '25.10' },
    ],
    components: ['main', 'universe'],
    origin: 'Ubuntu',
    keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
    rolling: [],
    asked: 'focal',
    kernel: () => 'linux-image-virtual',
  },
};

/** All that are known, by the names of their distributions. */
export function archives(): readonly (readonly [string, Archive])[] {
  return Object.entries(ARCHIVES);
}

/** The archive of a system whose distribution is known. */
export function archiveOf({ distribution }: Pick<System, 'distribution'>): Archive {
  const archive = ARCHIVES[distribution];
  if (!archive) throw new Error(`${distribution} was checked before`);
  return archive;
}

/** The lines of sources.list(5). A mirror that is given may have no security updates. */
function sourceLines(
  system: System,
  { mirror, security, key }: { mirror: string; security: string | undefined; key: string | undefined },
): string {
  const { suite, components, snapshot } = system;
  const options = [
    // What an old state says of how long it is valid has passed.
    ...(snapshot === undefined ? [] : ['check-valid-until=no']),
    ...(key === undefined ? [] : [`signed-by=${key}`]),
  ];
  const shown = options.length === 0 ? '' : `[${options.join(' ')}] `;
  const line = (url: string, name: string) =>
    `deb ${shown}${snapshot === undefined ? url : `${url.replace(/\/$/, '')}/${snapshot}`} ${name} ${components.join(' ')}\n`;
  if (archiveOf(system).rolling.includes(suite)) return line(mirror, suite);
  return [
    line(mirror, suite),
    line(mirror, `${suite}-updates`),
    ...(security === undefined ? [] : [line(security, `${suite}-security`)]),
  ].join('');
}

/** The mirror of security updates, as sources have it; undefined for none, where another mirror is given. */
function securityOf({ mirror, securityMirror }: System, found: string): string | undefined {
  return securityMirror ?? (mirror === undefined ? found : undefined);
}

/** Lines that write the sources.list(5) of the image. @param keyring where a keyring of the layer is in it */
export function writeImageSources(system: System, keyring: string): string {
  const lines = sourceLines(system, {
    mirror: system.mirror ?? '$usual',
    security: securityOf(system, '$usual_security'),
    key: system.keyring === undefined ? archiveOf(system).keyring : keyring,
  });
  return `cat >"$root/etc/apt/sources.list" <<EOF
${lines}EOF`;
}

/** Lines that write to `"$TMPDIR/sources"` where packages come from now. Where no mirror is given, `$usual` and `$usual_security` are the distribution's. */
export function findSources(system: System, architecture: string): string {
  const { mirror, keyring } = system;
  const lines = sourceLines(system, {
    mirror: mirror ?? '$mirror',
    security: securityOf(system, '$security'),
    // A keyring of the layer is an option of mmdebstrap.
    key: keyring === undefined ? archiveOf(system).keyring : undefined,
  });
  return `${mirror === undefined ? `${findMirrors(system, architecture)}\n` : ''}cat >"$TMPDIR/sources" <<EOF
${lines}EOF`;
}

function findMirrors({ distribution, ...system }: System, architecture: string): string {
  const { origin, asked } = archiveOf({ distribution });
  const security = system.securityMirror === undefined;
  const take = (suite: string) => `$(sed -nE 's/^deb (\\[[^]]*\\] )?([^ ]+) ${suite} .*/\\2/p' "$known")`;
  return `# The mirrors of the distribution are those that mmdebstrap has for it.
export known="$TMPDIR/known"
mmdebstrap --quiet --mode=root --variant=custom --format=null --skip=update,cleanup --architectures=${architecture} \\
  --setup-hook='cp "$1/etc/apt/sources.list" "$known"' ${asked}
usual=${take(asked)}
${security ? `usual_security=${take(`${asked}-security`)}\n` : ''}if [ -z "$usual" ]${security ? ' || [ -z "$usual_security" ]' : ''}; then
  echo 'E: mmdebstrap has no mirror of ${distribution}: set "mirror" of the system' >&2
  exit 1
fi
# Packages come from the mirrors that this machine uses itself, if it uses some of the same distribution.
set --
if [ -z "$(apt-get indextargets)" ]; then # images of containers have no lists
  mkdir -p "$TMPDIR/lists/partial"
  set -- -o Dir::State::Lists="$TMPDIR/lists"
  apt-get "$@" -q update || true
fi
# shellcheck disable=SC2016 # apt-get replaces $(SITE)
sites=$(apt-get "$@" indextargets --format '$(CODENAME) $(SITE)' 'Identifier: Packages' \\
  'Origin: ${origin}' 'Component: main' | grep -E ' https?://[^ ]+$' || true)
mirror=$(printf '%s\\n' "$sites" | sed -n '/^[^ ]*-security /!s/^[^ ]* //p' | head -n 1)
: "\${mirror:=$usual}"${
    security
      ? `
security=$(printf '%s\\n' "$sites" | sed -n 's/^[^ ]*-security //p' | head -n 1)
: "\${security:=$usual_security}"`
      : ''
  }`;
}
