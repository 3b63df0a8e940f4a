// The kernel of an image: where it is, and which of its modules have to be loaded before a squashfs can be mounted.

import { compareVersions } from '../../diff/versions.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { SquashCompression } from '../../model/ports/viewer.ts';

export interface ImageKernel {
  /** As uname(1) has it. */
  readonly version: string;
  /** Absolute path of the kernel in the image. */
  readonly file: string;
  /** Absolute path of the directory of its modules. */
  readonly modules: string;
  /** Absolute path of its configuration, where there is one. */
  readonly config: string | undefined;
}

/** The newest kernel that has its modules. @param files the paths of all regular files of the image */
export function kernelOf(files: readonly string[]): ImageKernel | undefined {
  const known = new Set(files);
  const kernels = files.flatMap((file): ImageKernel[] => {
    const [, modules, version] = /^((?:\/usr)?\/lib\/modules\/([^/]+))\/modules\.dep$/.exec(file) ?? [];
    if (modules === undefined || version === undefined) return [];
    // Where Fedora, Arch and SUSE have it; where Debian, Fedora and others do; and with the flavor alone in its name, Alpine.
    const flavor = /-([a-z]+)$/.exec(version)?.[1];
    const places = [
      `${modules}/vmlinuz`,
      `/boot/vmlinuz-${version}`,
      `/boot/Image-${version}`,
      ...(flavor === undefined ? [] : [`/boot/vmlinuz-${flavor}`]),
    ];
    const kernel = places.find((place) => known.has(place));
    if (kernel === undefined) return [];
    const config = [`/boot/config-${version}`, `${modules}/config`].find((place) => known.has(place));
    return [{ version, file: kernel, modules, config }];
  });
  return kernels.toSorted((a, b) => compareVersions(b.version, a.version))[0];
}

/**
 * The files of modules, relative, in the order in which they are loaded. None for what the kernel has built in. Fails as `usage`
 * when the kernel has no such module.
 * @param dependencies the text of modules.dep
 * @param builtin the text of modules.builtin
 */
export function modulesFor(
  wanted: readonly string[],
  kernel: Pick<ImageKernel, 'version'>,
  dependencies: string,
  builtin: string,
): Result<readonly string[]> {
  const needs = new Map<string, readonly string[]>();
  for (const line of dependencies.split('\n')) {
    const [file = '', ...others] = line.split(/:?\s+/).filter(Boolean);
    needs.set(file.replace(/:$/, ''), others);
  }
  const files = new Map([...needs.keys()].map((file) => [nameOf(file), file]));
  const isBuiltIn = new Set(builtin.split('\n').map(nameOf));
  const order = new Set<string>();
  for (const name of wanted) {
    const file = files.get(name);
    if (file === undefined && isBuiltIn.has(name)) continue;
    if (file === undefined) {
      return fail('usage', `the kernel ${kernel.version} of the image has no module ${name}`, {
        hint: 'a system that runs from memory needs loop, squashfs and overlay: install a kernel that has them',
      });
    }
    // What is needed first comes last in modules.dep(5).
    for (const one of [...(needs.get(file) ?? []).toReversed(), file]) order.add(one);
  }
  return ok([...order]);
}

function nameOf(file: string): string {
  return file
    .slice(file.lastIndexOf('/') + 1)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

/** The best compression that a kernel with this configuration reads. */
export function squashCompressionOf(config: string): SquashCompression {
  return /^CONFIG_SQUASHFS_ZSTD=y$/m.test(config) ? 'zstd' : 'gzip';
}

/** The fstab of a system in memory: without the disks that it does not have. */
export function fstabInMemory(fstab: string): string {
  const lines = fstab.split('\n').filter((line) => {
    const [device = '', place] = line.trim().split(/\s+/);
    return !/^(UUID=|LABEL=|PARTUUID=|PARTLABEL=|ID=|\/)/i.test(device) && place !== '/';
  });
  return lines.join('\n');
}
