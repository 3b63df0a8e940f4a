// Routes of exports: what is there, writing more, downloading files, and removing an export.

import { accessSync, constants, lstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { targetAt } from '../../execute/export/fresh.ts';
import { MANIFEST_FILE, parseManifest } from '../../execute/export/manifest.ts';
import { removeExport } from '../../execute/export/remove.ts';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import { isFormat } from '../../model/machine/format.ts';
import { namesIn, textIfAny } from '../../util/fs.ts';
import type { Workspace } from '../../workspace/workspace.ts';
import { EXPORT_ENTRIES, JOB, SECRET_ENTRIES } from '../jobs/job.ts';
import { Answer, type Call, listOf, notFound, rawRoute, route, type Served } from './route.ts';

const EXPORT = v.object({
  machine: v.string(),
  format: v.string(),
  bytes: v.number(),
  files: listOf(v.object({ name: v.string(), size: v.number(), sha256: v.string() })),
  written: v.pipe(v.string(), v.description('ISO 8601')),
});
export type ExportAnswer = v.InferOutput<typeof EXPORT>;

/** The exports in build/export: directories of a machine and a format, with a manifest. Links are not followed. */
function exportsIn(workspace: Workspace): readonly ExportAnswer[] {
  const directory = exportDirectory(workspace);
  return directories(directory).flatMap((machine) =>
    directories(path.join(directory, machine)).flatMap((format) => {
      if (!isFormat(format)) return [];
      const found = readExport(workspace, machine, format);
      return found ? [found] : [];
    }),
  );
}

function exportDirectory({ paths }: Workspace): string {
  return path.join(paths.build, 'export');
}

function directories(directory: string): readonly string[] {
  if (!lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return [];
  const isReal = (name: string) =>
    !name.startsWith('.') && lstatSync(path.join(directory, name), { throwIfNoEntry: false })?.isDirectory();
  return namesIn(directory).filter(isReal).sort();
}

function readExport(workspace: Workspace, machine: string, format: string): ExportAnswer | undefined {
  const directory = path.join(exportDirectory(workspace), machine, format);
  const file = path.join(directory, MANIFEST_FILE);
  const stat = lstatSync(file, { throwIfNoEntry: false });
  const manifest = stat?.isFile() ? parseManifest(textIfAny(file) ?? '') : undefined;
  if (!manifest || !stat) return undefined;
  const { files } = manifest;
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return { machine, format, bytes, files, written: stat.mtime.toISOString() };
}

/** What a request names: only what the list has, compared as a whole, so that no name leads anywhere else. */
function find({ params }: Pick<Call, 'params'>, workspace: Workspace): ExportAnswer | undefined {
  return exportsIn(workspace).find(
    ({ machine, format }) => machine === params['machine'] && format === params['format'],
  );
}

const NOTHING = 'there is no such export; see /api/exports';

async function download({ params, header }: Call, served: Served): Promise<Result<never> | Answer> {
  const workspace = served.open();
  const found = find({ params }, workspace);
  const file = found?.files.find(({ name }) => name === params['file']);
  if (!found || !file) return notFound(NOTHING);
  const directory = path.join(exportDirectory(workspace), found.machine, found.format);
  const name = path.join(directory, file.name);
  if (throughLink(directory, file.name)) return notFound(NOTHING);
  const stat = lstatSync(name, { throwIfNoEntry: false });
  if (!stat?.isFile()) return notFound(NOTHING);
  try {
    accessSync(name, constants.R_OK);
  } catch (error) {
    return failAt(name, 'cannot read the file', error);
  }
  if (stat.size !== file.size) return CHANGED;
  const etag = `"${file.sha256}"`;
  const isSame = header('if-range') === undefined || header('if-range') === etag;
  const { parseRange } = await import('../http.ts');
  const asked = isSame ? header('range') : undefined;
  const parsed = asked === undefined ? undefined : parseRange(stat.size, asked);
  // What is not understood, and several ranges at once, may be ignored (RFC 9110, 14.2).
  const range = parsed?.type === 'bytes' && parsed.ranges.length === 1 ? parsed.ranges[0] : undefined;
  const { start = 0, end = stat.size - 1 } = range ?? {};
  if (parsed?.type === 'bytes' && parsed.ranges.length === 0) {
    return new Answer({ status: 416, headers: { 'content-range': `bytes */${stat.size}` }, body: NO_BYTES });
  }
  const headers = {
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(path.basename(file.name))}`,
    'content-length': String(end - start + 1),
    'accept-ranges': 'bytes',
    etag,
    // RFC 9530: of the whole file.
    'repr-digest': `sha-256=:${Buffer.from(file.sha256, 'hex').toString('base64')}:`,
    ...(range ? { 'content-range': `bytes ${start}-${end}/${stat.size}` } : {}),
  };
  const body = stat.size === 0 ? NO_BYTES : read(name, stat.ino, { start, end });
  return new Answer({ status: range ? 206 : 200, headers, body });
}

const NO_BYTES = new Uint8Array();

const CHANGED = fail('host', 'the export is not as its manifest says: it is being written, or was changed', {
  hint: 'export again, or wait until that is done',
});

/**
 * Reads a part of a file. It is opened when the first byte is asked for: of an answer to HEAD, and of one whose receiver is gone,
 * none is. Throws where another file has its name by then: the answer is cut off.
 */
async function* read(
  file: string,
  inode: number,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<Uint8Array> {
  await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  if ((await handle.stat()).ino !== inode) throw new Error(`${file} was replaced`);
  yield* handle.createReadStream({ start, end, autoClose: false });
}

/** Whether a directory between an export and a file in it is a link. */
function throughLink(directory: string, name: string): boolean {
  const above = name.split('/').slice(0, -1);
  return above.some((_part, index) => {
    const part = path.join(directory, ...above.slice(0, index + 1));
    return !lstatSync(part, { throwIfNoEntry: false })?.isDirectory();
  });
}

async function remove({ params, signal }: Call, served: Served) {
  const workspace = served.open();
  const found = find({ params }, workspace);
  if (!found) return notFound(NOTHING);
  const directory = path.join(exportDirectory(workspace), found.machine, found.format);
  const { parts, paths } = workspace;
  const { removeTree } = parts.host({ nbd: [] });
  const removed = await removeExport(targetAt(directory, paths.state), { ...parts, removeTree }, signal);
  return removed.ok ? ok(found) : removed;
}

export const EXPORT_ROUTES = [
  route({
    method: 'get',
    path: '/api/exports',
    summary: 'the exports in build/export, with the sizes and digests of their files',
    answer: listOf(EXPORT),
    run: async (_call, served) => ok(exportsIn(served.open())),
  }),
  route({
    method: 'post',
    path: '/api/exports',
    summary: 'build machines and export them, as vlb export does',
    writes: true,
    body: { ...EXPORT_ENTRIES, ...SECRET_ENTRIES },
    answer: JOB,
    status: 202,
    run: async ({ body: { secrets, ...request }, user }, { queue }) =>
      queue.add({ kind: 'export', ...request }, user, new Map(Object.entries(secrets))),
  }),
  rawRoute({
    method: 'get',
    path: '/api/exports/{machine}/{format}/{file...}',
    summary: 'download a file of an export, or a range of it',
    answer: {
      media: 'application/octet-stream',
      text: 'the file; its digest is in the headers ETag and Repr-Digest',
    },
    run: download,
  }),
  route({
    method: 'delete',
    path: '/api/exports/{machine}/{format}',
    summary: 'remove an export: its files, and nothing else in its directory',
    writes: true,
    answer: EXPORT,
    run: remove,
  }),
];
