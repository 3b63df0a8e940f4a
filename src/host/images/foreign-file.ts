// What a file is that is taken for a disk image and is none, by its first bytes. Without this, it would be a raw disk with nothing
// on it.

import type { ForeignFile } from '../../model/ports/machine.ts';

/** The bytes that are looked at. */
export const FOREIGN_HEAD = 36 * 1024;

const UNPACK = 'unpack it first, and use the disk image in it';

/** What files begin with (in latin1), or have at an offset. The first match counts. */
const MAGICS: readonly (readonly [magic: string, what: string, hint?: string, offset?: number])[] = [
  [
    'version https://git-lfs.github.com/spec/',
    'a Git LFS pointer, not the image',
    'get the image: git lfs install; git lfs pull',
  ],
  ['../.git/annex/objects/', 'a git-annex pointer, not the image', 'get the image: git annex get FILE'],
  ['/annex/objects/', 'a git-annex pointer, not the image', 'get the image: git annex get FILE'],
  ['%PDF-', 'a PDF document'],
  ['\x7fELF', 'a program or library (ELF)'],
  ['MZ', 'a program for Windows or UEFI'],
  ['!<arch>\ndebian-binary', 'a Debian package'],
  ['!<arch>\n', 'an archive of object files (ar)'],
  ['\xed\xab\xee\xdb', 'an RPM package'],
  ['070701', 'a cpio archive', UNPACK],
  ['070702', 'a cpio archive', UNPACK],
  ['070707', 'a cpio archive', UNPACK],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive', UNPACK],
  ['Rar!\x1a\x07', 'a RAR archive', UNPACK],
  ['MSCF', 'a cabinet archive', UNPACK],
  ['MSWIM\0\0\0', 'a Windows image (WIM)', 'install it on a disk first'],
  ['LZIP', 'compressed with lzip', UNPACK],
  ['\x89LZO\0\r\n', 'compressed with lzop', UNPACK],
  ['\x1f\x9d', 'compressed with compress', UNPACK],
  ['\x3a\xff\x26\xed', 'an Android sparse image', 'convert it first: simg2img IMAGE base.raw'],
  ['\x89PNG\r\n', 'a picture (PNG)'],
  ['\xff\xd8\xff', 'a picture (JPEG)'],
  ['GIF8', 'a picture (GIF)'],
  ['\xca\xfe\xba\xbe', 'a program for another system'],
  ['SQLite format 3\0', 'an SQLite database'],
  [
    'CD001',
    'an ISO image, as for installation media: it has no installed system',
    'use a disk image, such as the cloud image of the distribution',
    32769,
  ],
];

/** What a file is, if that is known to be no disk. @param head its first FOREIGN_HEAD bytes, or all of a shorter one */
export function foreignFile(head: Buffer): ForeignFile | undefined {
  const found = MAGICS.find(
    ([magic, , , offset = 0]) => head.toString('latin1', offset, offset + magic.length) === magic,
  );
  // A boot sector may begin like a program, and has its own mark.
  const isBootSector = head[510] === 0x55 && head[511] === 0xaa;
  if (found && !(found[0] === 'MZ' && isBootSector)) {
    const [, what, hint] = found;
    return { what, ...(hint !== undefined && { hint }) };
  }
  return textFile(head);
}

/** Bytes of text that are looked at. */
const TEXT_HEAD = 4096;
const MARKUP = /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+)?html\b/is;
const XML = /^\s*(?:<\?xml\b|<[A-Za-z][\w:.-]*[\s>])/;

function textFile(head: Buffer): ForeignFile | undefined {
  const text = decoded(head.subarray(0, TEXT_HEAD));
  if (text === undefined || text.trim() === '') return undefined;
  if (MARKUP.test(text)) {
    return {
      what: 'an HTML page',
      hint: 'a server sends a page in place of a file to say why it does not send it: open the page, and download the image again',
    };
  }
  if (XML.test(text)) return { what: 'an XML document', hint: wrongFile(text) };
  return { what: 'a text file', hint: wrongFile(text) };
}

function wrongFile(text: string): string {
  const [line = ''] = text.trim().split(/\r?\n/);
  return `use the disk image itself; this file begins with: ${line.slice(0, 60)}`;
}

/** The text in UTF-8 or UTF-16 of which bytes are the beginning; undefined for other bytes. */
function decoded(bytes: Buffer): string | undefined {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what text files do not have
    return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
