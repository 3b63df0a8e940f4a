// The files of vmbuilder: its configuration, which Python's ConfigParser reads, the parts of its disks, and lists of files to copy.

import { fail, ok, type Result } from '../../model/failure.ts';

/** One setting, with its place. */
export interface VmSetting {
  readonly value: string;
  readonly line: number;
}

export type Sections = ReadonlyMap<string, ReadonlyMap<string, VmSetting>>;

/** The sections of a configuration, by name; names of settings have dashes. Fails as `usage`, with the line. */
export function readVmConfig(file: string, text: string): Result<Sections> {
  const sections = new Map<string, Map<string, VmSetting>>();
  let current: Map<string, VmSetting> | undefined;
  for (const [index, given] of text.split(/\r?\n/).entries()) {
    const line = given.replace(/\s+;.*$/, '').trim();
    if (line === '' || /^[#;]/.test(line)) continue;
    const where = { file, line: index + 1 };
    const [, name] = /^\[([^\]]+)\]$/.exec(line) ?? [];
    if (name !== undefined) {
      current = sections.get(name) ?? new Map();
      sections.set(name, current);
      continue;
    }
    const [, key, value = ''] = /^([A-Za-z][\w-]*)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (key === undefined || !current) {
      return fail(
        'usage',
        current ? 'not a setting, like "suite = noble"' : 'a setting in front of all sections',
        {
          where,
          hint: 'a template is to be filled in first: vlb reads what vmbuilder would',
        },
      );
    }
    current.set(key.replaceAll('_', '-').toLowerCase(), { value, line: index + 1 });
  }
  return ok(sections);
}

export interface Part {
  /** `root`, `swap` or a mount point. */
  readonly name: string;
  /** In MiB. */
  readonly size: number;
  readonly line: number;
}

/** The parts of each disk. Fails as `usage`, with the line. */
export function readParts(file: string, text: string): Result<readonly (readonly Part[])[]> {
  const disks: Part[][] = [[]];
  for (const [index, given] of text.split(/\r?\n/).entries()) {
    const line = given.replace(/#.*$/, '').trim();
    if (line === '') continue;
    if (line === '---') {
      disks.push([]);
      continue;
    }
    const [, name, size] = /^(root|swap|\/\S*)\s+(\d+)(?:\s|$)/.exec(line) ?? [];
    if (name === undefined) {
      const hint = 'write a line like "root 4000" or "/srv 2000", with the size in MiB';
      return fail('usage', 'not a part of a disk', { where: { file, line: index + 1 }, hint });
    }
    disks.at(-1)?.push({ name, size: Number(size), line: index + 1 });
  }
  return ok(disks.filter((parts) => parts.length > 0));
}
