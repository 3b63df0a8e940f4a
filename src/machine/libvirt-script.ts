// The script beside a domain's XML: it copies the disks away from the export before libvirt gets them.

import { inQuotes, quoteCommand, quoteWord } from '../util/quote.ts';
import type { Description } from './description.ts';

/** Where libvirt keeps disks, and what the definition names. */
export const LIBVIRT_IMAGES = '/var/lib/libvirt/images';

/** @param definition the name of the file with the XML */
export function defineScript({ machine, disks }: Description, definition: string): string {
  const name = quoteWord(machine.name);
  const files = quoteCommand(disks.map(({ file }) => file));
  return `#!/bin/sh
# define [DIR]: copies the disks of this machine to DIR (default: ${LIBVIRT_IMAGES})
# and defines the libvirt domain ${machine.name} with them. Start it with: virsh start ${name}
# libvirt changes the owner of the disks of its domains, and the guest writes to them: so these files stay out of it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=\${1:-${LIBVIRT_IMAGES}}

stop() {
  printf 'define: %s\\n' "$*" >&2
  exit 1
}

case $dir in
  *[!A-Za-z0-9/._-]*) stop "$dir: use a directory of letters, digits and the characters / . _ -" ;;
  /*) ;;
  *) stop "$dir: use an absolute path" ;;
esac
command -v virsh >/dev/null || stop 'virsh is not installed'
for disk in ${files}; do
  [ ! -e "$dir/$disk" ] || stop "$dir/$disk exists already"
done
if virsh domuuid ${name} >/dev/null 2>&1; then stop ${quoteWord(`the domain ${machine.name} is defined already`)}; fi
defined=no
clean() {
  [ "$defined" = yes ] || for disk in ${files}; do rm -f "$dir/$disk"; done
}
trap clean EXIT
mkdir -p "$dir"
for disk in ${files}; do
  cp --reflink=auto --sparse=always "$here/$disk" "$dir/$disk"
done
sed "s|${LIBVIRT_IMAGES}/|$dir/|" "$here/${inQuotes(definition)}" | virsh define --validate /dev/stdin
defined=yes
`;
}
