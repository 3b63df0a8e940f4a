// The texts of `vlb templates`.

import { tableLines } from '../../util/table.ts';
import { formatBytes } from '../../util/units.ts';
import { plainText } from '../terminal/width.ts';

/** What is shown of a template. Its texts come from elsewhere. */
interface ShownTemplate {
  readonly source: string;
  readonly name: string;
  readonly arch: string;
  readonly revision: number;
  /** Of the disk, bytes. */
  readonly size: number;
  /** Of the file, bytes. */
  readonly compressedSize?: number;
  readonly title?: string;
  readonly osinfo?: string;
  readonly notes?: string;
  readonly aliases: readonly string[];
}

/** A line for each template. */
export function templatesText(templates: readonly ShownTemplate[]): string {
  const rows = templates.map(({ source, name, arch, size, title = '' }) => [
    name,
    plainText(arch),
    formatBytes(size),
    plainText(source),
    plainText(title),
  ]);
  return tableLines(rows, [2]).join('\n');
}

/** All that a user chooses by, with the notes. */
export function templateText(template: ShownTemplate): string {
  const { source, name, title, arch, osinfo, size, compressedSize, revision, aliases, notes } = template;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['title', title],
    ['source', source],
    ['processor', arch],
    ['system', osinfo],
    ['disk', formatBytes(size)],
    ['download', compressedSize === undefined ? undefined : formatBytes(compressedSize)],
    ['revision', String(revision)],
    ['aliases', aliases.length === 0 ? undefined : aliases.join(' ')],
  ];
  const lines = rows.flatMap(([word, value]) => (value === undefined ? [] : [[word, plainText(value)]]));
  const text = notes?.split('\n').map((line) => `  ${plainText(line)}`.trimEnd()) ?? [];
  return [name, ...tableLines(lines).map((line) => `  ${line}`), ...(notes ? ['', ...text] : [])].join('\n');
}
