// The boot loaders of distributions: where options of the kernel are kept, and how the loader's configuration is made from that.

import { quoteWord } from '../util/quote.ts';
import { type Distribution, isLike } from './distribution.ts';
import { stop } from './shell-text.ts';

/** Options of the kernel: letters, digits and punctuation that a shell does not take apart in double quotes. */
export interface KernelOptions {
  readonly add: readonly string[];
  /** `NAME=VALUE`, or `NAME` for all of its values. */
  readonly remove: readonly string[];
}

/**
 * Lines of shell that change the options with which kernels are started, those that are installed and those to come.
 * @param otherwise a line for an image without a boot loader; by default the script fails there
 */
export function changeKernelOptions(
  distribution: Distribution,
  options: KernelOptions,
  otherwise = stop(
    'the image has no boot loader whose options are known: grub, grubby, systemd-boot, extlinux',
  ),
): string {
  const loaders = loadersOf(distribution);
  return [
    ...loaders.flatMap(({ isPresent, change }, index) => [
      `${index === 0 ? 'if' : 'elif'} ${isPresent}; then`,
      ...change(options).map((line) => `  ${line}`),
    ]),
    'else',
    `  ${otherwise}`,
    'fi',
  ].join('\n');
}

interface BootLoader {
  readonly isPresent: string;
  change(options: KernelOptions): readonly string[];
}

const ENTRIES = '/boot/loader/entries/*.conf /boot/efi/loader/entries/*.conf /efi/loader/entries/*.conf';

function loadersOf(distribution: Distribution): readonly BootLoader[] {
  const isPresent = '[ -e /etc/default/grub ] || [ -e /etc/default/grub.d ]';
  const others: BootLoader[] = [
    { isPresent, change: grub },
    { isPresent: `ls ${ENTRIES} 2>/dev/null | grep -q .`, change: loaderEntries },
  ];
  if (isLike(distribution, 'debian', 'ubuntu')) {
    return others.with(0, { isPresent, change: debianGrub });
  }
  if (isLike(distribution, 'rhel', 'centos', 'fedora')) {
    return [{ isPresent: 'command -v grubby >/dev/null', change: grubby }];
  }
  if (isLike(distribution, 'alpine')) {
    return [{ isPresent: '[ -e /etc/update-extlinux.conf ]', change: extlinux }, ...others];
  }
  return others;
}

function grubby({ add, remove }: KernelOptions): string[] {
  return [
    [
      'grubby --update-kernel=ALL',
      ...(remove.length === 0 ? [] : [`--remove-args=${quoteWord(remove.join(' '))}`]),
      ...(add.length === 0 ? [] : [`--args=${quoteWord(add.join(' '))}`]),
    ].join(' '),
  ];
}

const GRUB_LINES = '/^GRUB_CMDLINE_LINUX/';

/** The file is read by a shell, so that a line can add to what is above it. */
function grubLine(add: readonly string[], file: string): string {
  return `echo 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX ${add.join(' ')}"' >>${file}`;
}

function grub({ add, remove }: KernelOptions): string[] {
  return [
    ...(remove.length === 0 ? [] : [`sed -i -E ${removals(remove, GRUB_LINES)} /etc/default/grub`]),
    ...(add.length === 0 ? [] : [grubLine(add, '/etc/default/grub')]),
    'for file in /boot/grub2/grub.cfg /boot/grub/grub.cfg; do',
    '  if [ -e "$file" ]; then "$(command -v grub2-mkconfig || command -v grub-mkconfig)" -o "$file"; fi',
    'done',
  ];
}

/** Debian's grub-mkconfig also reads files of a directory, so that the file of the package stays as it is; the last of them has the last word. */
function debianGrub({ add, remove }: KernelOptions): string[] {
  const files = '/etc/default/grub /etc/default/grub.d/*.cfg';
  return [
    ...(remove.length === 0
      ? []
      : [
          `for file in ${files}; do`,
          `  [ ! -e "$file" ] || sed -i -E ${removals(remove, GRUB_LINES)} "$file"`,
          'done',
        ]),
    ...(add.length === 0
      ? []
      : ['mkdir -p /etc/default/grub.d', grubLine(add, '/etc/default/grub.d/zz-kernel-options.cfg')]),
    'if command -v update-grub >/dev/null; then update-grub; fi',
  ];
}

/** Alpine's. */
function extlinux({ add, remove }: KernelOptions): string[] {
  const file = '/etc/update-extlinux.conf';
  const address = '/^default_kernel_opts=/';
  return [
    ...(remove.length === 0 ? [] : [`sed -i -E ${removals(remove, address)} ${file}`]),
    ...(add.length === 0
      ? []
      : [`sed -i -E ${quoteWord(`${address} s|"?$| ${replacement(add)}"|`)} ${file}`]),
    'update-extlinux',
  ];
}

/** The Boot Loader Specification: an entry a kernel. kernel-install(8) takes /etc/kernel/cmdline for new ones. */
function loaderEntries({ add, remove }: KernelOptions): string[] {
  const address = '/^options/';
  const added = add.length === 0 ? [] : [`-e ${quoteWord(`${address} s|$| ${replacement(add)}|`)}`];
  const changes = [...(remove.length === 0 ? [] : [removals(remove, address)]), ...added];
  return [
    `for entry in ${ENTRIES}; do`,
    '  [ -e "$entry" ] || continue',
    `  sed -i -E ${changes.join(' ')} "$entry"`,
    '  last=$entry',
    'done',
    'mkdir -p /etc/kernel',
    `sed -n -E 's/^options[[:space:]]+//p' "$last" >/etc/kernel/cmdline`,
  ];
}

/** Arguments of sed that remove options in the lines of an address, wherever they are among others and quotes. */
function removals(options: readonly string[], address: string): string {
  const programs = options.map((option, index) => {
    const name = option.replaceAll(/[.[\]{}()*+?^$|\\/]/g, '\\$&');
    const value = option.includes('=') ? '' : `(=[^" ']*)?`;
    // Each round removes one, since two neighbors share the blank between them.
    const again = `again${index}`;
    return `${address} { :${again}; s/(["'[:space:]])${name}${value}(["'[:space:]]|$)/\\1\\${value === '' ? 2 : 3}/; t${again}; }`;
  });
  return programs.map((program) => `-e ${quoteWord(program)}`).join(' ');
}

function replacement(options: readonly string[]): string {
  return options.join(' ').replaceAll(/[&|\\]/g, '\\$&');
}
