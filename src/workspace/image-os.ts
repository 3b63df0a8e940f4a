// Which operating system is on a disk that was built: what its os-release says, as a short id of osinfo's database.

import type { DiskSource, ExportRun } from '../execute/export/export-machine.ts';
import { GENERIC_OS, osFromRelease } from '../machine/os.ts';
import { ok, type Result } from '../model/failure.ts';
import { isLayer } from '../model/graph.ts';
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
  const release = await disk.value.read('/etc/os-release', MOST_BYTES);
  const closed = await disk.value.close();
  if (!release.ok) return withHint(release);
  if (!closed.ok) return closed;
  return ok(release.value.length === 0 ? GENERIC_OS : osFromRelease(release.value.toString()));
}

function withHint(failed: Result<never> & { readonly ok: false }): Result<never> {
  const { hint, ...failure } = failed.failure;
  const instead = 'set os: of the machine in vlb.yaml, so that the image need not be read';
  return {
    ok: false,
    failure: { ...failure, hint: hint === undefined ? instead : `${hint}; or ${instead}` },
  };
}

/** More bytes than that are something else. */
const MOST_BYTES = 64 * 1024;
