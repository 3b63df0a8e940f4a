// What the index of a repository says of a machine: from vlb.yaml, and otherwise from its image.

import type { ExportRun, ExportTask } from '../../execute/export/export-machine.ts';
import type { Publication } from '../../execute/publish/repository.ts';
import { GENERIC_OS } from '../../machine/os.ts';
import { ok, type Result } from '../../model/failure.ts';

/** As virt-builder names them; images are built for the processor of this machine. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/**
 * Fails as `host` when its image has to be read and cannot.
 * @param size of its disk, bytes
 */
export async function templateOf(
  { machine, disks: [system] }: ExportTask,
  size: number,
  { systemOf }: Pick<ExportRun, 'systemOf'>,
): Promise<Result<Publication['template']>> {
  const { name, os, template = {} } = machine;
  const isKnown = os !== undefined && template.name !== undefined && template.expand !== undefined;
  const read = isKnown ? ok(undefined) : await systemOf(system);
  if (!read.ok) return read;
  const found = read.value;
  const { title = found?.title, notes, lvexpand } = { ...template, title: template.name };
  const expand =
    template.expand ?? (found?.partition === undefined ? undefined : `/dev/sda${found.partition}`);
  const osinfo = os ?? (found?.os === GENERIC_OS ? undefined : found?.os);
  return ok({
    name,
    arch: ARCHITECTURES[process.arch] ?? process.arch,
    format: 'raw',
    size,
    ...(title === undefined ? {} : { title }),
    ...(osinfo === undefined ? {} : { osinfo }),
    ...(expand === undefined ? {} : { expand }),
    ...(lvexpand === undefined ? {} : { lvexpand }),
    ...(notes === undefined ? {} : { notes }),
    translations: {},
    aliases: [],
    isHidden: false,
  });
}
