// The index of a virt-builder repository as text: sections with fields, possibly in the envelope of an OpenPGP signature. What
// is not changed keeps its bytes. The grammar is that of virt-builder(1), "SOURCES", and of its scanner.

import { type Failure, fail, ok, type Result } from '../model/failure.ts';

export interface IndexFile {
  /** What comes before the first section: comments and blank lines. */
  readonly head: string;
  readonly sections: readonly Section[];
}

export interface Section {
  /** What a user of virt-builder types: `debian-13`. Several sections may have one name, for other processors. */
  readonly name: string;
  /** From 1. */
  readonly line: number;
  readonly fields: readonly Field[];
  /** Its bytes, from its header to its last field. */
  readonly text: string;
  /** What comes before the next section: comments and blank lines. */
  readonly gap: string;
}

export interface Field {
  /** `checksum` of `checksum[sha512]`. */
  readonly key: string;
  /** `sha512` of `checksum[sha512]`. */
  readonly subkey: string | undefined;
  /** With a line feed between its lines. */
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

/** What sections can be called. */
export const TEMPLATE_NAME = /^[-A-Za-z0-9._]+$/;

const HEADER = /^\[([-A-Za-z0-9._]+)\][ \t]*$/;
const FIELD = /^([A-Za-z0-9_.]+)(?:\[([A-Za-z0-9_,.]+)\])?=(.*)$/;
const CONTINUATION = /^[ \t](.*)$/;
const BETWEEN = /^(#.*|[ \t]*)$/;

/**
 * Reads an index without an envelope. Fails as `usage` with the line that is not one of an index, or that has a field of a
 * section, or a name for the same processor, for the second time: virt-builder refuses those as well.
 * @param file its path, for the failure
 */
export function parseIndex(text: string, file: string): Result<IndexFile> {
  const sections: Draft[] = [];
  const head: string[] = [];
  for (const [index, raw] of linesOf(text).entries()) {
    const line = index + 1;
    const content = raw.replace(/\r?\n$/, '');
    const current = sections.at(-1);
    const [, name] = HEADER.exec(content) ?? [];
    if (name !== undefined) {
      sections.push({ name, line, fields: [], text: raw, gap: '' });
      continue;
    }
    // A line of blanks continues a value, in which it is an empty line. Comments in between do not count, empty lines end it.
    const field = /^(#.*\r?\n)*$/.test(current?.gap ?? '') ? current?.fields.at(-1) : undefined;
    const [, more] = CONTINUATION.exec(content) ?? [];
    if (current && field && more !== undefined) {
      field.value += `\n${more}`;
      current.text += current.gap + raw;
      current.gap = '';
      continue;
    }
    if (BETWEEN.test(content)) {
      if (current) current.gap += raw;
      else head.push(raw);
      continue;
    }
    const [, key, subkey, value = ''] = FIELD.exec(content) ?? [];
    if (key === undefined) return malformed(file, line, 'neither a [section], a field=value nor a comment');
    if (!current) return malformed(file, line, `the field ${key} is not in a section`);
    if (fieldIn(current, key, subkey)) return malformed(file, line, `a second ${key} of ${current.name}`);
    current.fields.push({ key, subkey, value, line });
    current.text += current.gap + raw;
    current.gap = '';
  }
  const seen = new Set<string>();
  for (const section of sections) {
    const arch = fieldIn(section, 'arch')?.value.trim();
    const id = JSON.stringify([section.name, arch]);
    if (arch !== undefined && seen.has(id)) {
      return malformed(file, section.line, `a second ${section.name} for ${arch}`);
    }
    seen.add(id);
  }
  return ok({ head: head.join(''), sections });
}

interface Draft extends Section {
  readonly fields: { -readonly [K in keyof Field]: Field[K] }[];
  text: string;
  gap: string;
}

/** With their line feeds. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function malformed(
  file: string,
  line: number,
  what: string,
): { readonly ok: false; readonly failure: Failure } {
  return fail('usage', `not an index of virt-builder: ${what}`, { where: { file, line } });
}

/** The text of an index. */
export function indexText({ head, sections }: IndexFile): string {
  return head + sections.map(({ text, gap }) => text + gap).join('');
}

/** The field of that name; undefined without one. */
export function fieldIn(
  { fields }: Pick<Section, 'fields'>,
  key: string,
  subkey?: string,
): Field | undefined {
  return fields.find((field) => field.key === key && field.subkey === subkey);
}

const SIGNED = '-----BEGIN PGP SIGNED MESSAGE-----';
const SIGNATURE = '-----BEGIN PGP SIGNATURE-----';

/**
 * The text in the envelope of a signature; a text without one as it is. The signature is not checked. RFC 9580, section 7, has
 * the format: after the headers comes an empty line, and lines that begin with a dash have `- ` before it.
 */
export function withoutEnvelope(text: string): string {
  const lines = linesOf(text);
  if (lines[0]?.trimEnd() !== SIGNED) return text;
  const begin = lines.findIndex((line) => line.trim() === '');
  const end = lines.findIndex((line) => line.trimEnd() === SIGNATURE);
  if (begin < 0) return '';
  return lines
    .slice(begin + 1, end < 0 ? undefined : end)
    .map((line) => line.replace(/^- /, ''))
    .join('');
}

/**
 * The text in the envelope of a signature, with the blanks at the ends of its lines, which no signature covers and indexes need;
 * undefined where it is not what was signed.
 * @param verified what the signature covers, without those blanks
 */
export function signedText(envelope: string, verified: string): string | undefined {
  const text = withoutEnvelope(envelope);
  const bare = (lines: string) => lines.replaceAll(/[ \t\r]+$/gm, '').trimEnd();
  return bare(text) === bare(verified) ? text : undefined;
}
