// The image's files in the shell of a step: their directories, modes and owners.

import { quoteCommand, quoteWord } from '../util/quote.ts';

/** What a new file gets. Without a mode 0644, without an owner root. */
export interface Attributes {
  readonly mode?: string | undefined;
  readonly owner?: string | undefined;
}

/** The lines that make the directory of a file. The first level, `/etc`, is always there. */
export function makeParent(path: string): readonly string[] {
  const parent = path.replace(/\/+[^/]*\/*$/, '');
  return parent.lastIndexOf('/') > 0 ? [`mkdir -p ${quoteWord(parent)}`] : [];
}

/** The lines that set the attributes of a file; of one that was there, only those that are given. The owner first, since a new one takes away set-user-id. */
export function setAttributes(path: string, { mode, owner }: Attributes): readonly string[] {
  return [
    ...(owner === undefined ? [] : [quoteCommand(['chown', owner, path])]),
    ...(mode === undefined ? [] : [quoteCommand(['chmod', mode, path])]),
  ];
}

/** A path in which `*` and `?` are wildcards of the shell, and nothing else has a meaning to it. */
export function wildcardWord(path: string): string {
  return path
    .split(/([*?]+)/)
    .map((part, index) => (index % 2 === 1 || part === '' ? part : quoteWord(part)))
    .join('');
}
