// Labels what a script wrote into an image with SELinux: the kernel that it ran on did not, and a boot would find it unlabeled.

import { fail, ok, type Result } from '../model/failure.ts';
import type { MountedSystem, OnOutput } from '../model/ports/machine.ts';
import type { Task } from './kind.ts';

/**
 * With the setfiles(8) and the policy of the image: what changed since the layer's files were copied, directories with all in
 * them, as setfiles takes them; everything where the policy changed, or find(1) is not GNU's.
 */
const LABEL = `. /etc/selinux/config
contexts=/etc/selinux/\${SELINUXTYPE:-targeted}/contexts/files/file_contexts
if [ "\${SELINUX:-}" = disabled ] || [ ! -f "$contexts" ]; then exit 0; fi
changed=$(mktemp)
if [ -n "$(find "$contexts" -newercc /mnt/build-layer)" ] ||
  ! find / -xdev -newercc /mnt/build-layer -print0 -type d -prune > "$changed"; then
  printf '/\\0' > "$changed"
fi
exec setfiles -F -e /proc -e /sys -e /dev -e /run -e /tmp -e /mnt -0 -f "$changed" "$contexts"`;

/**
 * Labels the files of an image with SELinux. Fails as `work` when the image's own program does.
 * @param runInChroot runs a command as the layer's script was run
 */
export async function labelFiles(
  { bench, layer }: Task,
  system: MountedSystem,
  runInChroot: (argv: readonly [string, ...string[]], onOutput: OnOutput) => Promise<Result<number>>,
): Promise<Result<void>> {
  const has = await bench.hasSelinux(system);
  if (!has.ok || !has.value) return has.ok ? ok() : has;
  const said: string[] = [];
  const ended = await runInChroot(['/bin/sh', '-euc', LABEL], (chunk) => {
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
