// Which operating system is on a disk that was built: what its os-release says, as a short id of osinfo's database.

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { DiskSource, ExportRun } from '../execute/export/export-machine.ts';
import { GENERIC_OS, osFromRelease } from '../machine/os.ts';
import { failAt, ok, type Result } from '../model/failure.ts';
import { isLayer } from '../model/graph.ts';
import type { OpenDisk } from '../model/ports/viewer.ts';
import { mountOptions } from './diff-disks.ts';

/** Reads the system of each disk once, however many exports describe it. */
export function systemReader(viewer: ExportRun['viewer']): ExportRun['osOf'] {
  const found = new Map<string, Promise<Result<string>>>();
  return (disk) => {
    if (disk.type === 'empty') return Promise.resolve(ok(GENERIC_OS));
    const read = found.get(disk.file) ?? readSystem(disk, viewer);
    found.set(disk.file, read);
    return read;
  };
}

type ImageSource = DiskSource & { readonly type: 'image' };

/** A disk on which no system is found has a generic one. */
async function readSystem({ file, node }: ImageSource, viewer: ExportRun['viewer']): Promise<Result<string>> {
  const opened = await viewer();
  if (!opened.ok) return withHint(opened);
  const image = { file, format: 'qcow2' } as const;
  const disk = await opened.value.open(image, mountOptions(image, node && isLayer(node) ? node : undefined));
  if (!disk.ok) return disk.failure.kind === 'usage' ? ok(GENERIC_OS) : withHint(disk);
  const text = await readOsRelease(disk.value);
  const closed = await disk.value.close();
  if (!text.ok) return withHint(text);
  if (!closed.ok) return closed;
  return ok(text.value === undefined ? GENERIC_OS : osFromRelease(text.value));
}

function withHint(failed: Result<never> & { readonly ok: false }): Result<never> {
  const { hint, ...failure } = failed.failure;
  const instead = 'set os: of the machine in vlb.yaml, so that the image need not be read';
  return {
    ok: false,
    failure: { ...failure, hint: hint === undefined ? instead : `${hint}; or ${instead}` },
  };
}

/** More links than that are a ring. */
const MOST_LINKS = 8;

/** More bytes than that are something else. */
const MOST_BYTES = 64 * 1024;

/** The text of /etc/os-release, which is a link on most systems; undefined without one. */
async function readOsRelease(disk: OpenDisk): Promise<Result<string | undefined>> {
  let place = '/etc/os-release';
  for (let links = 0; links <= MOST_LINKS; links++) {
    const copied = await disk.copy(place);
    if (!copied.ok) return copied;
    const { type, file } = copied.value;
    if (type !== 'file' && type !== 'link') return ok(undefined);
    try {
      if (statSync(file).size > MOST_BYTES) return ok(undefined);
      const text = readFileSync(file, 'utf8');
      if (type === 'file') return ok(text);
      place = path.posix.resolve(path.posix.dirname(place), text.replace(/\n$/, ''));
    } catch (error) {
      return failAt(file, 'cannot read the operating system of the image', error);
    }
  }
  return ok(undefined);
}
