// A template: one section of an index, as values.

import { fail, ok, type Result } from '../model/failure.ts';
import { type Field, fieldIn, type IndexFile, type Section, TEMPLATE_NAME } from './index-file.ts';

/** The fields that virt-builder reads. */
export interface Template {
  readonly name: string;
  /** Of the processor: `x86_64`. */
  readonly arch: string;
  /** One line about it. */
  readonly title?: string;
  /** Short id of the operating system in osinfo's database. */
  readonly osinfo?: string;
  /** Path of the file, relative to the index, in whose directory or below it is. */
  readonly file: string;
  /** Of the file as it is there. SHA-512, 128 hexadecimal digits. */
  readonly sha512?: string;
  /** From 1; another one is downloaded again. */
  readonly revision: number;
  /** Of the disk, uncompressed. Without it, virt-builder guesses. */
  readonly format?: 'raw' | 'qcow2';
  /** Of the disk, bytes. */
  readonly size: number;
  /** Of the file, bytes. */
  readonly compressedSize?: number;
  /** The partition that gets the space of a larger disk: `/dev/sda1`. */
  readonly expand?: string;
  /** The logical volume that gets the space of that partition: `/dev/vg/root`. */
  readonly lvexpand?: string;
  /** Text of several lines. */
  readonly notes?: string;
  /** The same in other languages, by their codes. */
  readonly translations: Readonly<Record<string, string>>;
  /** Further names. */
  readonly aliases: readonly string[];
  /** Whether it is not listed. */
  readonly isHidden: boolean;
}

/**
 * A section as a template. Fails as `usage` where a field is missing or has a wrong value, and where the file would be outside the
 * directory of the index.
 * @param file path of the index, for the failure
 */
export function readTemplate(section: Section, file: string): Result<Template> {
  const { name, fields } = section;
  const wrong = (field: Field | undefined, what: string) =>
    fail('usage', `the template ${name}: ${what}`, { where: { file, line: field?.line ?? section.line } });
  const text = (key: string, subkey?: string) => fieldIn(section, key, subkey)?.value.trimEnd() || undefined;
  const number = (key: string): Result<number | undefined> => {
    const field = fieldIn(section, key);
    if (!field) return ok(undefined);
    const value = Number(field.value);
    const isNumber = /^\d+\s*$/.test(field.value) && Number.isSafeInteger(value);
    return isNumber ? ok(value) : wrong(field, `${key} must be a number`);
  };
  const [arch, place] = [text('arch'), text('file')];
  if (arch === undefined) return wrong(undefined, 'arch is missing');
  if (place === undefined) return wrong(undefined, 'file is missing');
  if (!isBelow(place)) return wrong(fieldIn(section, 'file'), 'file must be in the directory of the index');
  const [size, compressedSize, revision] = [number('size'), number('compressed_size'), number('revision')];
  for (const one of [size, compressedSize, revision]) if (!one.ok) return one;
  if (!size.ok || !compressedSize.ok || !revision.ok) throw new Error('unreachable: looked at above');
  if (size.value === undefined) return wrong(undefined, 'size is missing');
  const checksum = fieldIn(section, 'checksum', 'sha512') ?? fieldIn(section, 'checksum');
  const sha512 = checksum?.value.trim().toLowerCase();
  if (sha512 !== undefined && !/^[0-9a-f]{128}$/.test(sha512)) {
    return wrong(checksum, 'the checksum must be a SHA-512, 128 hexadecimal digits');
  }
  const format = text('format');
  if (format !== undefined && format !== 'raw' && format !== 'qcow2') {
    return wrong(fieldIn(section, 'format'), `unknown format "${format}" (valid formats: raw, qcow2)`);
  }
  const hidden = text('hidden') ?? 'false';
  if (hidden !== 'true' && hidden !== 'false') {
    return wrong(fieldIn(section, 'hidden'), 'hidden must be true or false');
  }
  return ok({
    name,
    arch,
    file: place,
    size: size.value,
    revision: revision.value ?? 1,
    ...defined({
      title: text('name'),
      osinfo: text('osinfo'),
      sha512,
      format,
      compressedSize: compressedSize.value,
      expand: text('expand'),
      lvexpand: text('lvexpand'),
      notes: text('notes'),
    }),
    translations: Object.fromEntries(
      fields.flatMap(({ key, subkey, value }) =>
        key === 'notes' && subkey !== undefined ? [[subkey, value.trimEnd()]] : [],
      ),
    ),
    aliases: (text('aliases') ?? '').split(/\s+/).filter((alias) => alias !== ''),
    isHidden: hidden === 'true',
  });
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the fields that are undefined. */
function defined<T extends object>(fields: T): Defined<T> {
  // What is left has the same fields, without undefined.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** Whether a path, which is appended to the URL or directory of the index, stays there. */
function isBelow(place: string): boolean {
  return !/^\/|^[a-z][a-z0-9+.-]*:|\\/i.test(place) && !place.split('/').includes('..');
}

/** The section of a template: `name=`, then the others in virt-builder's order. Throws where its name cannot be one. */
export function sectionText(template: Template): string {
  if (!TEMPLATE_NAME.test(template.name)) throw new Error(`${template.name} is not a name of a template`);
  const { title, osinfo, arch, file, sha512, revision, format, size, compressedSize, expand, lvexpand } =
    template;
  const fields: readonly (readonly [string, string | number | undefined])[] = [
    ['name', title],
    ['osinfo', osinfo],
    ['arch', arch],
    ['file', file],
    ['checksum[sha512]', sha512],
    ['revision', revision],
    ['format', format],
    ['size', size],
    ['compressed_size', compressedSize],
    ['expand', expand],
    ['lvexpand', lvexpand],
    ['notes', template.notes],
    ...Object.entries(template.translations).map(([code, notes]) => [`notes[${code}]`, notes] as const),
    ['aliases', template.aliases.length > 0 ? template.aliases.join(' ') : undefined],
    ['hidden', template.isHidden ? 'true' : undefined],
  ];
  const lines = fields.flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${folded(String(value))}`],
  );
  return [`[${template.name}]`, ...lines, ''].join('\n');
}

/** A text whose further lines begin with a blank. */
function folded(value: string): string {
  return value.replaceAll(/\r\n?/g, '\n').trimEnd().replaceAll('\n', '\n ');
}

/** The section for a processor that virt-builder would take. */
export function findSection(
  { sections }: IndexFile,
  { name, arch }: Pick<Template, 'name' | 'arch'>,
): Section | undefined {
  return sections.find((section) => isOf(section, name, arch));
}

function isOf(section: Section, name: string, arch: string): boolean {
  return section.name === name && fieldIn(section, 'arch')?.value.trim() === arch;
}

/** An index with a template in the place of that of the same name and processor, or at its end. */
export function withTemplate({ head, sections }: IndexFile, template: Template): IndexFile {
  const isSame = (section: Section) => isOf(section, template.name, template.arch);
  const at = sections.findIndex(isSame);
  const own = { name: template.name, line: 0, fields: [], text: sectionText(template), gap: '\n' };
  if (at >= 0) return { head, sections: sections.with(at, { ...own, gap: sections[at]?.gap ?? '' }) };
  const last = sections.at(-1);
  const before = last ? [...sections.slice(0, -1), apart(last)] : [];
  return { head, sections: [...before, own] };
}

/** A section with a blank line behind it. */
function apart(section: Section): Section {
  const whole = section.text + section.gap;
  const missing = whole.endsWith('\n\n') ? '' : whole.endsWith('\n') ? '\n' : '\n\n';
  return { ...section, gap: section.gap + missing };
}
