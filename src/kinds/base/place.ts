// Where a base, or something about it, comes from: a file of this machine, or a URL.

import path from 'node:path';
import type { TemplateSource } from '../../model/project.ts';
import { attempt } from '../../util/errors.ts';
import { withoutPassword } from '../../util/shown-path.ts';

/** Whether a place is a URL, and not a path. */
export function isRemote(place: string): boolean {
  return /^https?:\/\//.test(place);
}

/** The files of this machine that the index of a source of templates is read from. */
export function indexFiles({ index, trust }: TemplateSource): readonly string[] {
  return [index, ...(trust.type === 'keyring' ? [trust.keyring] : [])].filter((place) => !isRemote(place));
}

/** The name of the file at a place, without the directories. */
export function fileNameOf(place: string): string {
  if (!isRemote(place)) return path.basename(place);
  const name = path.posix.basename(new URL(place).pathname);
  return attempt(() => decodeURIComponent(name)) ?? name;
}

/** A place that can be shown: a URL without its password, or a path. */
export function shownPlace(place: string): string {
  return isRemote(place) ? withoutPassword(place) : place;
}
