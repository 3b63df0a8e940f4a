// The identifier in a disk file that QEMU chooses at random: replaced, the same disk becomes the same file.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';

/** VirtualBox's VDICore.h: the signature of the header, and the identifiers of the image and of its last change. */
const VDI = { signature: 0xbeda107f, signatureAt: 0x40, imageAt: 0x188, changeAt: 0x198 } as const;

/** The descriptor of a vmdk, in its first sectors, has the identifier of its content: Virtual Disk Format 5.0. */
const VMDK = { head: 64 * 1024, content: /^CID=[0-9a-f]{1,8}$/m } as const;

/** Whether a format, as QEMU names it, has an identifier that can be set. */
export function hasIdentity(format: string): boolean {
  return format === 'vdi' || format === 'vmdk';
}

/** Sets the identifier in a file of one of these formats. Fails as `host`. @param identity a UUID */
export function setIdentity(file: string, format: string, identity: string): Result<void> {
  try {
    const descriptor = openSync(file, 'r+');
    try {
      return format === 'vdi' ? setVdi(descriptor, identity, file) : setVmdk(descriptor, identity, file);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return failAt(file, 'cannot set the identifier of the disk', error);
  }
}

function setVdi(descriptor: number, identity: string, file: string): Result<void> {
  const header = Buffer.alloc(512);
  readSync(descriptor, header, 0, header.length, 0);
  if (header.readUInt32LE(VDI.signatureAt) !== VDI.signature) return unknown(file);
  const uuid = littleEndian(identity);
  writeSync(descriptor, uuid, 0, uuid.length, VDI.imageAt);
  writeSync(descriptor, uuid, 0, uuid.length, VDI.changeAt);
  return ok();
}

/** As VirtualBox stores a UUID: the first three fields in little-endian order. */
function littleEndian(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

function setVmdk(descriptor: number, identity: string, file: string): Result<void> {
  const head = Buffer.alloc(VMDK.head);
  const length = readSync(descriptor, head, 0, head.length, 0);
  const found = VMDK.content.exec(head.toString('latin1', 0, length));
  if (!found) return unknown(file);
  // QEMU writes the number without leading zeros: what follows moves, into the zeros after the descriptor.
  const end = head.indexOf(0, found.index);
  const rest = head.toString('latin1', found.index + found[0].length, end);
  writeSync(descriptor, `CID=${contentId(identity)}${rest}`, found.index, 'latin1');
  return ok();
}

/** Neither of the two values with a meaning. */
function contentId(identity: string): string {
  const id = identity.slice(0, 8);
  return id === 'ffffffff' || id === 'fffffffe' ? '00000001' : id;
}

function unknown(file: string): Result<void> {
  return fail('host', 'the disk that qemu-img wrote has no identifier', { where: { file } });
}
