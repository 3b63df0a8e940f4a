// The templates of a source: its index, read and verified, and the one of them that a base names.

import {
  fieldIn,
  parseIndex,
  type Section,
  signedText,
  withoutEnvelope,
} from '../../../catalog/index-file.ts';
import { readTemplate, type Template } from '../../../catalog/template.ts';
import { type Failure, fail, ok, type Result } from '../../../model/failure.ts';
import type { TemplateSource } from '../../../model/project.ts';
import { LARGEST_TEXT, readFile } from '../../../project/inputs/read-file.ts';
import { guessHint } from '../../../util/nearest.ts';
import type { BaseInputs } from '../../kind.ts';
import { shownPlace } from '../place.ts';
import { readPlace } from './remembered.ts';

/** What reading an index needs. */
export type IndexInputs = Pick<BaseInputs, 'verifySignature' | 'exportKey' | 'environment' | 'signal'>;

/**
 * All templates of a source, and why others of its index are none: these do not make it useless. Fails as `usage` where the index is not
 * signed as its source says, or is not an index, with the line, and as `host` where it cannot be read.
 */
export async function readTemplates(
  source: TemplateSource,
  inputs: IndexInputs,
): Promise<Result<{ readonly templates: readonly Template[]; readonly invalid: readonly Failure[] }>> {
  const sections = await readSections(source, inputs);
  if (!sections.ok) return sections;
  const templates: Template[] = [];
  const invalid: Failure[] = [];
  for (const section of sections.value) {
    const template = readTemplate(section, shownPlace(source.index));
    if (template.ok) templates.push(template.value);
    else invalid.push(template.failure);
  }
  return ok({ templates, invalid });
}

/**
 * The template of a name, or of an alias, for this machine's processor. Fails as {@link readTemplates} does, and as `usage` where there is
 * none. Other templates of the index may be invalid.
 */
export async function findTemplate(
  name: string,
  source: TemplateSource,
  inputs: IndexInputs,
): Promise<Result<Template>> {
  const sections = await readSections(source, inputs);
  if (!sections.ok) return sections;
  const named = sections.value.filter((section) => namesOf(section).includes(name));
  const where = { file: shownPlace(source.index) };
  if (named.length === 0) {
    const known = sections.value.flatMap(namesOf);
    return fail('usage', `there is no template ${name} in ${source.name}`, {
      where,
      hint: guessHint(name, known, 'vlb templates lists them'),
    });
  }
  const own = processor();
  const section = named.find((one) => archOf(one) === own);
  if (section) return readTemplate(section, where.file);
  return fail('usage', `the template ${name} is not for this machine's processor, ${own}`, {
    where,
    detail: [`it is there for ${named.map(archOf).join(', ')}`],
  });
}

async function readSections(
  source: TemplateSource,
  inputs: IndexInputs,
): Promise<Result<readonly Section[]>> {
  const index = await readPlace(source.index, 'the index of templates', inputs);
  if (!index.ok) return index;
  const text = await verified(source, index.value, inputs);
  if (!text.ok) return text;
  const parsed = parseIndex(text.value, shownPlace(source.index));
  return parsed.ok ? ok(parsed.value.sections) : parsed;
}

/** The text of an index: what is signed of it, unless nothing has to be. */
async function verified(
  { index, trust }: TemplateSource,
  content: Buffer,
  inputs: IndexInputs,
): Promise<Result<string>> {
  const envelope = content.toString();
  const keys = await keysOf(trust, inputs);
  if (!keys.ok) return keys;
  if (keys.value === undefined) return ok(withoutEnvelope(envelope));
  const signed = await inputs.verifySignature(content, undefined, keys.value, inputs.signal);
  const where = { file: shownPlace(index) };
  if (!signed.ok) {
    const { failure } = signed;
    if (failure.kind !== 'usage') return signed;
    const hint =
      'the keyring or fingerprint of the source must be of the key that the index was signed with; otherwise use no template of it';
    return { ok: false, failure: { ...failure, where, hint } };
  }
  const text = signedText(envelope, signed.value.toString());
  if (text === undefined) return fail('usage', 'the index has more than what was signed', { where });
  return ok(text);
}

/** The keys that an index has to be signed with; undefined where that does not matter. */
async function keysOf(
  trust: TemplateSource['trust'],
  { exportKey, signal }: IndexInputs,
): Promise<Result<Buffer | undefined>> {
  switch (trust.type) {
    case 'keyring':
      return readFile(trust.keyring, { what: 'the keyring', atMost: LARGEST_TEXT });
    case 'fingerprint':
      return exportKey(trust.fingerprint, signal);
    default:
      return ok(undefined);
  }
}

function namesOf(section: Section): readonly string[] {
  return [section.name, ...(fieldIn(section, 'aliases')?.value.trim().split(/\s+/) ?? [])];
}

function archOf(section: Section): string {
  return fieldIn(section, 'arch')?.value.trim() ?? '';
}

/** The processors of node that indexes have another word for. */
const PROCESSORS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', ppc64: 'ppc64le' };

function processor(): string {
  return PROCESSORS[process.arch] ?? process.arch;
}
