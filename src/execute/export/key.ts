// The key of an export: everything that its files depend on.

import { createHash } from 'node:crypto';
import type { FormatName } from '../../model/machine/format.ts';
import type { Machine } from '../../model/machine/machine.ts';
import type { Exporter } from '../../model/ports/exporter.ts';

/** What a disk of the machine contains. */
export interface DiskContent {
  readonly name: string;
  /** The digest of its artifact's main disk; for an empty one, its size in bytes. */
  readonly content: string;
}

/** @param options all options of the format, with their defaults */
export function exportKey(
  format: FormatName,
  { version, describesMachine }: Pick<Exporter, 'version' | 'describesMachine'>,
  { name, memory, cpus, firmware, secureBoot, networks, os }: Machine,
  disks: readonly DiskContent[],
  options: Readonly<Record<string, string>>,
): string {
  const described = describesMachine ? { memory, cpus, firmware, secureBoot, networks, os: os ?? null } : {};
  const sorted = Object.entries(options).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify({ schema: 1, format, version, options: sorted, name, ...described, disks });
  return createHash('sha256').update(text).digest('hex');
}
