// Writes what was imported, and prints it.

import { cpSync, lstatSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Imported, ImportedFile } from '../../../import/imported.ts';
import { type Failure, fail, failAt } from '../../../model/failure.ts';
import { makeDirectories } from '../../../util/fs.ts';
import { EXIT } from '../../exit-status.ts';
import { giveCreated, ownerOf } from '../../give-back.ts';
import { makeGitignore } from '../../scaffold/gitignore.ts';

/**
 * Writes the files into a project and prints their paths, and what is to know of them. Fails as `usage` where one of them exists, or
 * what the caller found in their place; then nothing is written.
 * @param taken what the project has that conflicts with the import, relative to it
 */
export function writeImported(
  project: string,
  { files, notes }: Imported,
  taken: readonly string[],
): number | Failure {
  const existing = files
    .map(({ path }) => path)
    .filter((name) => lstatSync(path.join(project, name), { throwIfNoEntry: false }));
  const conflicts = [...new Set([...taken, ...existing])].sort();
  if (conflicts.length > 0) {
    return fail('usage', 'files of the import exist already, and nothing was written', {
      where: { file: project },
      detail: conflicts,
      hint: 'choose another directory or name, or move them away',
    }).failure;
  }
  const owner = ownerOf(project);
  try {
    makeDirectories(project);
    for (const file of files) writeFile(project, file);
    makeGitignore(project);
  } catch (error) {
    return failAt(project, 'cannot write the import', error).failure;
  }
  const tops = files.map(({ path }) => path.split('/').slice(0, 2).join('/'));
  giveCreated(owner, project, [...new Set([...tops, '.gitignore'])]);
  const shown = files.map((file) => fromHere(path.join(project, file.path)));
  process.stdout.write(`${shown.join('\n')}\n`);
  for (const { at, text, isLost } of notes) {
    process.stderr.write(`${isLost ? 'not imported' : 'note'}: ${at}: ${text}\n`);
  }
  return EXIT.ok;
}

function writeFile(project: string, { path: name, content }: ImportedFile): void {
  const target = path.join(project, name);
  makeDirectories(path.dirname(target));
  if ('copyOf' in content) {
    cpSync(content.copyOf, target, {
      recursive: true,
      errorOnExist: true,
      force: false,
      verbatimSymlinks: true,
    });
    return;
  }
  writeFileSync(target, content.text, { flag: 'wx', mode: content.isScript === true ? 0o755 : 0o644 });
}

/** Relative to the working directory, unless that path would begin with `..`. */
function fromHere(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}
