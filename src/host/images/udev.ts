// What udev would say about a volume: its links below /dev/disk, and its entry in the database below /run/udev/data.

import path from 'node:path';
import type { Volume } from './partitions.ts';

const LINKS = {
  'by-uuid': 'UUID',
  'by-label': 'LABEL',
  'by-partuuid': 'PART_ENTRY_UUID',
  'by-partlabel': 'PART_ENTRY_NAME',
};

/** The links to a volume, as paths below /dev. */
export function linksTo({ tags, device, name }: Pick<Volume, 'tags' | 'device' | 'name'>): readonly string[] {
  const links = Object.entries(LINKS).flatMap(([place, tag]) => {
    const text = encoded(tags.get(tag) ?? '');
    // Tags come from the image: a link must not get out of its directory, and file systems allow no longer names.
    return /^\.{0,2}$/.test(text) || Buffer.byteLength(text) > 255 ? [] : [`disk/${place}/${text}`];
  });
  if (name === undefined) return links;
  return [...links, `mapper/${path.basename(device)}`, ...(name.includes('/') ? [name] : [])];
}

/** The kernel's name of a volume. */
export function nodeOf({ device, node }: Pick<Volume, 'device' | 'node'>): string {
  return node ?? path.basename(device);
}

/** The lines of a volume's file in the database, of which lsblk and `udevadm info` show the properties. */
export function databaseEntry({ tags }: Pick<Volume, 'tags'>): string {
  const properties = [...tags].flatMap(([tag, value]) => {
    const name = tag.startsWith('P') ? `ID_${tag}` : `ID_FS_${tag}`;
    return [`${name}=${encoded(value)}`, ...(tag in ENCODED ? [`${name}_ENC=${encoded(value)}`] : [])];
  });
  return ['I:1', ...properties.map((property) => `E:${property}`), ''].join('\n');
}

/** The properties that programs look for under this other name. */
const ENCODED = { UUID: true, LABEL: true };

/** What udev does not allow in names becomes `\\x` and two digits for each byte. */
function encoded(value: string): string {
  return [...value]
    .map((character) =>
      /^[\w#+.:=@\u{80}-\u{10ffff}-]$/u.test(character)
        ? character
        : `\\x${Buffer.from(character).toString('hex')}`,
    )
    .join('');
}
