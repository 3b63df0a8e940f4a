// A virt-builder repository in a directory: its index, also signed, and the files that it names. Readers find the old template or
// the new one, whole, at any moment: the index is replaced last.

import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type IndexFile,
  indexText,
  parseIndex,
  signedText,
  withoutEnvelope,
} from '../../catalog/index-file.ts';
import { findSection, readTemplate, type Template, withTemplate } from '../../catalog/template.ts';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { Images } from '../../model/ports/machine.ts';
import type { Publisher } from '../../model/ports/publisher.ts';
import { namesIn, statIfAny, textIfAny } from '../../util/fs.ts';
import type { ExportedFile, ExportManifest } from '../export/manifest.ts';
import {
  diskFile,
  isWhole,
  manifestFile,
  type Revision,
  removeOld,
  revisionsIn,
  revisionText,
} from './revisions.ts';

export interface Repository {
  /** Absolute path. */
  readonly directory: string;
  /** The key that the index is signed with. */
  readonly key: string | undefined;
  readonly index: IndexFile;
}

/** What is to be published. */
export interface Publication {
  /** All fields but those that follow from the file. */
  readonly template: Omit<Template, 'file' | 'sha512' | 'revision' | 'compressedSize'>;
  /** Absolute path of the disk, and what its export says of it. */
  readonly source: string;
  readonly exported: ExportedFile;
  readonly manifest: ExportManifest;
  /** Whether the disk is compressed by xz. */
  readonly isPacked: boolean;
  /** How many revisions stay; undefined for all. */
  readonly keep: number | undefined;
}

export interface PublishTools {
  readonly images: Pick<Images, 'read' | 'write'>;
  readonly publisher: Publisher;
  readonly signal: AbortSignal;
}

export interface PublishedTemplate {
  readonly revision: number;
  /** Whether something was written. */
  readonly isNew: boolean;
  /** The names of the files that were removed. */
  readonly removed: readonly string[];
}

const INDEX = 'index';
const SIGNED = 'index.asc';

/** What is being written has a name that begins so. */
const UNFINISHED = '.vlb-unfinished-';

/**
 * Reads a repository, which need not exist. Where its index is signed, that is the one that counts, if the signature is valid: what
 * another user added to it would be signed otherwise. Fails as `usage` when it is something else, and when it is signed and no key
 * is given.
 */
export async function openRepository(
  directory: string,
  key: string | undefined,
  { publisher, signal }: Pick<PublishTools, 'publisher' | 'signal'>,
): Promise<Result<Repository>> {
  if (statIfAny(directory)?.isDirectory() === false) {
    return fail('usage', 'a repository is a directory, and this is something else', {
      where: { file: directory },
    });
  }
  const [plain, signed] = [INDEX, SIGNED].map((name) => path.join(directory, name));
  if (plain === undefined || signed === undefined) throw new Error('unreachable: two names');
  const isSigned = existsSync(signed);
  if (isSigned && key === undefined) {
    return fail('usage', 'the index is signed, and would be outdated', {
      where: { file: signed },
      hint: 'sign the new one: --sign KEY',
    });
  }
  const file = isSigned ? signed : plain;
  if (!existsSync(file)) return ok({ directory, key, index: { head: '', sections: [] } });
  try {
    const text = readFileSync(file, 'utf8');
    const content = isSigned ? await verified(text, file, { publisher, signal }) : ok(text);
    if (!content.ok) return content;
    const index = parseIndex(content.value, file);
    return index.ok ? ok({ directory, key, index: index.value }) : index;
  } catch (error) {
    return failAt(file, 'cannot read the index', error);
  }
}

async function verified(
  envelope: string,
  file: string,
  { publisher, signal }: Pick<PublishTools, 'publisher' | 'signal'>,
): Promise<Result<string>> {
  const checked = await publisher.verified(envelope, signal);
  const text = checked.ok ? signedText(envelope, checked.value) : undefined;
  if (text !== undefined) return ok(text);
  const failure = checked.ok
    ? fail('usage', 'the file has more in it than what was signed').failure
    : checked.failure;
  if (failure.kind !== 'usage') return { ok: false, failure };
  const hint = 'import the key that it was signed with, or check it and remove it: index is used then';
  return { ok: false, failure: { ...failure, where: { file }, hint } };
}

/**
 * Adds a template to a repository, as its next revision, or updates its entry where the disk is the same. The caller holds the
 * lock of the directory. Fails as `usage` where it would replace a file of others, else as `host` or `interrupted`.
 */
export async function addTemplate(
  repository: Repository,
  publication: Publication,
  tools: PublishTools,
): Promise<Result<PublishedTemplate>> {
  const { directory, index } = repository;
  const { template, exported, keep } = publication;
  const section = findSection(index, template);
  const listed = section ? readTemplate(section, path.join(directory, INDEX)) : undefined;
  if (listed?.ok === false) return listed;
  try {
    removeUnfinished(directory);
    const known = revisionsIn(directory, template).filter((revision) => isWhole(directory, revision));
    const earlier = Math.max(listed?.value.revision ?? 0, known[0]?.revision ?? 0);
    const same = known.find(({ revision, sha256 }) => revision === earlier && sha256 === exported.sha256);
    const placed = same ? ok(same) : await placeDisk(directory, earlier + 1, publication, tools);
    if (!placed.ok) return placed;
    const { revision, file, size, sha512 } = placed.value;
    const entry: Template = {
      ...template,
      ...{ file, sha512, revision },
      ...(publication.isPacked ? { compressedSize: size } : {}),
    };
    const changed = withTemplate(index, entry);
    const written = await writeIndex(repository, indexText(changed), tools);
    if (!written.ok) return written;
    const used = new Set(
      changed.sections.flatMap(({ fields }) =>
        fields.flatMap(({ key, value }) => (key === 'file' ? [value.trim()] : [])),
      ),
    );
    const removed = keep === undefined ? [] : removeOld(directory, template, keep, used);
    return ok({ revision, isNew: !same || written.value, removed });
  } catch (error) {
    if (tools.signal.aborted) return fail('interrupted', 'publishing was interrupted');
    return failAt(directory, 'cannot write the repository', error);
  }
}

/** Copies the disk to the repository under its name, with its manifest. Throws node's fs errors. */
async function placeDisk(
  directory: string,
  revision: number,
  { template, source, exported, manifest, isPacked }: Publication,
  { images, signal }: PublishTools,
): Promise<Result<Revision>> {
  const file = diskFile(template, revision, isPacked ? 'xz' : 'raw');
  const target = path.join(directory, file);
  const isOwn = revisionsIn(directory, template).some((known) => known.revision === revision);
  const about = path.join(directory, manifestFile(template, revision));
  const foreign = isOwn ? undefined : [target, about].find((name) => existsSync(name));
  if (foreign !== undefined) {
    return fail('usage', 'publishing would replace a file that vlb did not write', {
      where: { file: foreign },
      hint: 'move it away',
    });
  }
  const unfinished = path.join(directory, `${UNFINISHED}${file}`);
  const [sha256, sha512] = [createHash('sha256'), createHash('sha512')];
  const hashed = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      sha256.update(chunk);
      sha512.update(chunk);
      next(null, chunk);
    },
  });
  await pipeline(await images.read(source, signal), hashed, images.write(unfinished), { signal });
  if (sha256.digest('hex') !== exported.sha256) {
    rmSync(unfinished);
    return fail('host', 'the exported disk changed while it was published', {
      where: { file: source },
      hint: 'publish again',
    });
  }
  const { size } = statSync(unfinished);
  const placed = { revision, file, size, sha256: exported.sha256, sha512: sha512.digest('hex') };
  flush(unfinished);
  // Killed before the disk is there, it is known that it would have been one of vlb's.
  writeWhole(about, revisionText(template, placed, manifest));
  renameSync(unfinished, target);
  flush(directory);
  return ok(placed);
}

/** Replaces the index, and the signed one before it. Returns whether they were others. Throws node's fs errors. */
async function writeIndex(
  { directory, key }: Repository,
  text: string,
  { publisher, signal }: Pick<PublishTools, 'publisher' | 'signal'>,
): Promise<Result<boolean>> {
  const [plain, signed] = [path.join(directory, INDEX), path.join(directory, SIGNED)];
  const present = textIfAny(plain) === text;
  if (key !== undefined) {
    // Its signature is valid: see openRepository.
    if (present && withoutEnvelope(textIfAny(signed) ?? '') === text) return ok(false);
    const envelope = await publisher.sign(text, key, signal);
    if (!envelope.ok) return envelope;
    writeWhole(signed, envelope.value);
  } else if (present) return ok(false);
  writeWhole(plain, text);
  flush(directory);
  return ok(true);
}

/** Writes a file whose content is the old one or the new one at any moment. Throws node's fs errors. */
function writeWhole(file: string, text: string): void {
  const unfinished = path.join(path.dirname(file), `${UNFINISHED}${path.basename(file)}`);
  writeFileSync(unfinished, text);
  flush(unfinished);
  renameSync(unfinished, file);
}

/** What killed processes left. Throws node's fs errors. */
function removeUnfinished(directory: string): void {
  for (const name of namesIn(directory)) {
    if (name.startsWith(UNFINISHED)) rmSync(path.join(directory, name));
  }
}

function flush(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
