// Writes an archive that the kernel unpacks as its first file system: cpio in the format newc, of the kernel's
// Documentation/driver-api/early-userspace/buffer-format.rst.

export interface Entry {
  /** Without a slash at the beginning. */
  readonly name: string;
  /** Type and permissions, as in st_mode. */
  readonly mode: number;
  /** Of a file, or the target of a link. */
  readonly content?: Buffer;
}

export const DIRECTORY = 0o040755;
export const PROGRAM = 0o100755;
export const FILE = 0o100644;
export const LINK = 0o120777;

const TRAILER: Entry = { name: 'TRAILER!!!', mode: 0 };

/** Returns the pieces of an archive. Each directory has to be before what is in it. */
export function cpioOf(entries: readonly Entry[]): Buffer[] {
  return [...entries, TRAILER].flatMap(({ name, mode, content = Buffer.alloc(0) }, index) => {
    const nameLength = Buffer.byteLength(name) + 1;
    const links = 1;
    // inode, mode, owner, group, links, time, size, four device numbers, length of the name, checksum
    const fields = [index + 1, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, nameLength, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
    return [padded(Buffer.from(header)), padded(content)];
  });
}

function padded(bytes: Buffer): Buffer {
  const missing = -bytes.length & 3;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
