// The archives of Debian and Ubuntu: their releases, their mirrors, and the lines of sources.list(5) for them.

import type { System } from '../../model/system/system.ts';
import { quoteWord } from '../../util/quote.ts';
import type { Release } from './port.ts';

interface Archive {
  readonly releases: readonly Release[];
  readonly components: readonly string[];
  readonly mirror: string;
  readonly securityMirror: string;
  /** The origin of its releases, as their signed files have it. */
  readonly origin: string;
  /** Its keys, on machines that have them, and in its own images. */
  readonly keyring: string;
  /** The suites in which nothing is corrected apart from new versions. */
  readonly rolling: readonly string[];
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
    mirror: 'http://deb.debian.org/debian',
    securityMirror: 'http://deb.debian.org/debian-security',
    origin: 'Debian',
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
    rolling: ['sid'],
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
    mirror: 'http://archive.ubuntu.com/ubuntu',
    securityMirror: 'http://security.ubuntu.com/ubuntu',
    origin: 'Ubuntu',
    keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
    rolling: [],
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
  const { suite, components } = system;
  const line = (url: string, name: string) =>
    `deb ${key === undefined ? '' : `[signed-by=${key}] `}${url} ${name} ${components.join(' ')}\n`;
  if (archiveOf(system).rolling.includes(suite)) return line(mirror, suite);
  return [
    line(mirror, suite),
    line(mirror, `${suite}-updates`),
    ...(security === undefined ? [] : [line(security, `${suite}-security`)]),
  ].join('');
}

/** The mirror of security updates; undefined for none, where another mirror is given. */
function securityOf({ mirror, securityMirror, ...system }: System): string | undefined {
  return securityMirror ?? (mirror === undefined ? archiveOf(system).securityMirror : undefined);
}

/** The sources.list(5) of an image. @param keyring where a keyring of the layer is in it */
export function imageSources(system: System, keyring: string): string {
  const archive = archiveOf(system);
  const { mirror = archive.mirror } = system;
  const key = system.keyring === undefined ? archive.keyring : keyring;
  return sourceLines(system, { mirror, security: securityOf(system), key });
}

/** Lines that write to `"$TMPDIR/sources"` where packages come from now. */
export function findSources(system: System): string {
  const archive = archiveOf(system);
  const { mirror, keyring } = system;
  const security = securityOf(system);
  const lines = sourceLines(system, {
    mirror: '$mirror',
    security: security && '$security',
    // A keyring of the layer is an option of mmdebstrap.
    key: keyring === undefined ? archive.keyring : undefined,
  });
  const given = `mirror=${quoteWord(mirror ?? '')}\nsecurity=${quoteWord(security ?? '')}`;
  return `${mirror === undefined ? findMirrors(system) : given}
cat >"$TMPDIR/sources" <<EOF
${lines}EOF`;
}

function findMirrors(system: System): string {
  const { origin, mirror, securityMirror } = archiveOf(system);
  return `# From the mirrors that this machine uses itself, if it uses some of the same distribution.
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
security=$(printf '%s\\n' "$sites" | sed -n 's/^[^ ]*-security //p' | head -n 1)
: "\${mirror:=${mirror}}" "\${security:=${system.securityMirror ?? securityMirror}}"`;
}
