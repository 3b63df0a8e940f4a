// Chooses the disk in an archive: the only one, or the first of a virtual appliance (OVA).

import { fail, ok, type Result } from '../../model/failure.ts';

const DISK = /\.(raw|img|qcow2?|vmdk|vhdx?|vdi|qed|hdd|hds|dmg|bin)(\.(xz|gz|zst|bz2))?$/i;
/** What an archiver of macOS adds to each file. */
const RESOURCE_FORK = /(^|\/)(__MACOSX\/|\._)/;

/**
 * The name of the disk among the files of an archive: the only file, or the only one with the extension of a disk.
 * Fails as `usage` when there is none or there are several, or when a name leads out of the archive.
 * @param image the archive's name for users
 */
export function diskAmong(names: readonly string[], image: string): Result<string> {
  const outside = names.find((name) => name.startsWith('/') || name.split('/').includes('..'));
  if (outside !== undefined) {
    return fail('usage', `the base image ${image} is an archive with a file outside of it: ${outside}`, {
      hint: 'do not use it, or unpack it and name the disk in vlb.yaml',
    });
  }
  const files = names.filter((name) => !RESOURCE_FORK.test(name));
  const disks = files.length === 1 ? files : files.filter((name) => DISK.test(name));
  const [disk] = disks;
  if (disk !== undefined && disks.length === 1) return ok(disk);
  const found = disks.length === 0 ? 'no disk' : `${disks.length} disks`;
  return fail('usage', `the base image ${image} is an archive with ${found}`, {
    detail: (disks.length === 0 ? files : disks).slice(0, 10),
    hint: 'unpack it, and name the disk in vlb.yaml',
  });
}

/** The name of the descriptor of a virtual appliance; undefined for any other archive. DMTF's DSP0243 has it first. */
export function descriptorAmong([first = '']: readonly string[]): string | undefined {
  return /\.ovf$/i.test(first) ? first : undefined;
}

/**
 * The file of the first disk in the descriptor of a virtual appliance. Fails as `usage` when it has no disk.
 * @param ovf the descriptor's text, in XML
 */
export function firstDisk(ovf: string, image: string): Result<string> {
  const files = elements(ovf, 'File');
  for (const disk of elements(ovf, 'Disk')) {
    const id = attribute(disk, 'fileRef'); // none for an empty disk
    const file = files.find((one) => id !== undefined && attribute(one, 'id') === id);
    const name = file && attribute(file, 'href');
    if (name !== undefined) return ok(name);
  }
  return fail('usage', `the base image ${image} is a virtual appliance without a disk`);
}

/** The attributes of each element with this name, as they are written. Namespaces are disregarded. */
function elements(xml: string, name: string): readonly string[] {
  const tags = xml.replaceAll(/<!--.*?-->/gs, '').matchAll(new RegExp(`<(?:\\w+:)?${name}\\s([^>]*)>`, 'g'));
  return [...tags].map(([, attributes = '']) => attributes);
}

function attribute(attributes: string, name: string): string | undefined {
  const value = new RegExp(`(?:^|[\\s:])${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(attributes);
  return (value?.[1] ?? value?.[2])?.replaceAll('&apos;', "'").replaceAll('&amp;', '&');
}
