// Labels what a script wrote into an image with SELinux: the kernel that it ran on did not, and a boot would find it unlabeled.

import { fail, ok, type Result } from '../model/failure.ts';
import type { MountedSystem, OnOutput } from '../model/ports/machine.ts';
import type { Task } from './kind.ts';

/**
 * With the setfiles(8) and the policy of the image: what changed since $1, directories with all in them, as setfiles takes
 * them; everything where the policy changed, or find(1) is not GNU's. $2 to -- are the places with file systems of the disk,
 * the others have something else mounted.
 */
const LABEL = `. /etc/selinux/config
contexts=/etc/selinux/\${SELINUXTYPE:-targeted}/contexts/files/file_contexts
if [ "\${SELINUX:-}" = disabled ] || [ ! -f "$contexts" ]; then exit 0; fi
since=$1 changed=$(mktemp)
shift
places=$(mktemp)
while [ "$1" != -- ]; do printf '%s\\0' "$1" >> "$places"; shift; done
shift
for place; do set -- "$@" -e "$place"; shift; done
if [ -n "$(find "$contexts" -newerct "$since")" ] ||
  ! xargs -0 -I '{}' find '{}' -xdev -newerct "$since" -print0 -type d -prune < "$places" > "$changed"; then
  printf '/\\0' > "$changed"
fi
exec setfiles -F "$@" -0 -f "$changed" "$contexts"`;

/** Where a chroot has file systems that are not the image's. */
const OTHER_PLACES = ['/proc', '/sys', '/dev', '/run', '/tmp', '/mnt'];

/**
 * Labels the files of an image with SELinux, or notes that they have no labels. Fails as `work` when the image's own program does.
 * @param since when the script started, milliseconds since 1970
 * @param runInChroot runs a command as the layer's script was run
 */
export async function labelFiles(
  { bench, layer, note }: Pick<Task, 'bench' | 'layer' | 'note'>,
  system: MountedSystem,
  since: number,
  runInChroot: (argv: readonly [string, ...string[]], onOutput: OnOutput) => Promise<Result<number>>,
): Promise<Result<void>> {
  const labeled = await bench.selinuxOf(system);
  if (!labeled.ok) return labeled;
  if (labeled.value === undefined) return ok();
  if (labeled.value === 'nothing') {
    note('the image has SELinux and no setfiles, so new files have no labels: install policycoreutils in it');
    return ok();
  }
  const { bindMounts, cacheDirs, layerMounts } = layer.hints;
  const foreign = [
    ...bindMounts.map(({ target }) => target),
    ...cacheDirs,
    ...layerMounts.map(({ target }) => target),
  ];
  // The kernel's clock for files is up to ten milliseconds behind.
  const start = `@${(since - 50) / 1000}`;
  const argv = [
    '/bin/sh',
    '-euc',
    LABEL,
    'sh',
    start,
    '/',
    ...system.inside,
    '--',
    ...OTHER_PLACES,
    ...foreign,
  ] as const;
  const said: string[] = [];
  const ended = await runInChroot(argv, (chunk) => {
    said.push(chunk.toString());
    return undefined;
  });
  if (!ended.ok) return ended;
  if (ended.value === 0) return ok();
  return fail('work', `layer ${layer.name}: setfiles of the image failed with exit status ${ended.value}`, {
    detail: said.join('').trimEnd().split('\n').slice(-10),
    hint: 'the SELinux labels of the new files are missing; a script can label them itself, or disable SELinux in the image',
  });
}
