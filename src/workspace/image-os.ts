// What is on a disk that was built: its operating system, as its os-release says, and the partition of its root.

import type { DiskSource, ExportRun, SystemFacts } from '../execute/export/export-machine.ts';
import { GENERIC_OS, osFromRelease, titleFromRelease } from '../machine/os.ts';
import { ok, type Result } from '../model/failure.ts';
import { isLayer } from '../model/graph.ts';
import { mountOptions } from './disks/diff-disks.ts';

/** Reads the system of each disk once, however many exports describe it. */
export function systemReader(viewer: ExportRun['viewer']): ExportRun['systemOf'] {
  const found = new Map<string, Promise<Result<SystemFacts>>>();
  return (disk) => {
    if (disk.type === 'empty') return Promise.resolve(ok(UNKNOWN));
    const read = found.get(disk.file) ?? readSystem(disk, viewer);
    found.set(disk.file, read);
    return read;
  };
}

const UNKNOWN: SystemFacts = { os: GENERIC_OS, title: undefined, partition: undefined };

type ImageSource = DiskSource & { readonly type: 'image' };

/** A disk on which no system is found has a generic one. */
async function readSystem(
  { file, node, from }: ImageSource,
  viewer: ExportRun['viewer'],
): Promise<Result<SystemFacts>> {
  const opened = await viewer();
  if (!opened.ok) return withHint(opened);
  const image = from.system.layers.at(-1)?.image ?? { file, format: 'qcow2' };
  const disk = await opened.value.open(image, mountOptions(image, node && isLayer(node) ? node : undefined));
  if (!disk.ok) return disk.failure.kind === 'usage' ? ok(UNKNOWN) : withHint(disk);
  const release = await disk.value.read('/etc/os-release', MOST_BYTES);
  const partition = disk.value.rootPartition;
  const closed = await disk.value.close();
  if (!release.ok) return withHint(release);
  if (!closed.ok) return closed;
  if (release.value.length === 0) return ok({ ...UNKNOWN, partition });
  const text = release.value.toString();
  return ok({ os: osFromRelease(text), title: titleFromRelease(text), partition });
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
