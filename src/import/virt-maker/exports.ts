// The exporters of virt-maker, as the exports of a machine in vlb.yaml.

import { quoteWord } from '../../util/quote.ts';
import type { ImportedFile, Note } from '../imported.ts';
import type { Expressions } from './expressions.ts';
import { fieldOf, type MapTree, type Tree, textOf } from './tree.ts';

/** What the exporters come to. */
export interface ImportedExports {
  /** As `exports:` of a machine has them. */
  readonly exports: readonly Readonly<Record<string, string>>[];
  readonly files: readonly ImportedFile[];
}

interface Way {
  readonly format: Readonly<Record<string, string>>;
  /** Of the file that vlb writes. */
  readonly extension: string;
  readonly note?: string;
}

const INSIDE = 'the qcow2 file is compressed inside, and can be used as it is';

/** How each exporter compresses, by `compress`; '' without it. */
const WAYS: Readonly<Record<string, Readonly<Record<string, Way>>>> = {
  qcow2: {
    '': { format: { format: 'qcow2', compression: 'none' }, extension: 'qcow2' },
    lz4: { format: { format: 'qcow2' }, extension: 'qcow2', note: INSIDE },
    xz: { format: { format: 'qcow2' }, extension: 'qcow2', note: INSIDE },
    gzip: { format: { format: 'qcow2', compression: 'zlib' }, extension: 'qcow2', note: INSIDE },
  },
  raw: {
    '': { format: { format: 'raw' }, extension: 'raw' },
    lz4: { format: { format: 'raw.zst' }, extension: 'raw.zst', note: 'vlb compresses by zstd instead' },
    xz: { format: { format: 'raw.xz' }, extension: 'raw.xz' },
    gzip: { format: { format: 'raw.gz' }, extension: 'raw.gz' },
  },
};

/** `create_dir` and `sparsify` are what vlb always does. */
const FIELDS = ['path', 'create_dir', 'compress', 'level', 'sparsify', 'pre_script', 'post_script'];

/** The exports that `spec.export` means, and what of it vlb does not have. @param machine its name */
export function exportsOf(
  tree: Tree | undefined,
  machine: string,
  expressions: Expressions,
  notes: Note[],
): ImportedExports {
  const exports: Record<string, string>[] = [];
  const files: ImportedFile[] = [];
  const lost = (place: Tree, text: string) => notes.push({ at: place.at, text, isLost: true });
  const note = (place: Tree, text: string) => notes.push({ at: place.at, text, isLost: false });

  /** The text of a field, with all values. */
  const fixed = (args: MapTree, name: string): string | undefined => {
    const field = fieldOf(args, name);
    const text = textOf(field);
    if (field === undefined || text === undefined) return undefined;
    const value = expressions.fixed(text);
    if (value.ok && value.value !== text && name.endsWith('_script')) {
      note(field, `${name}: evaluated once, with the values of params and functions of now`);
    }
    if (!value.ok) lost(field, `${name}: ${value.failure.message}`);
    return value.ok ? value.value : undefined;
  };

  /** A script of the exporter as a file of the project. */
  const hook = (text: string, format: string, when: string): string => {
    const file = `export/${machine}-${format}-${when}`;
    const whole = text.startsWith('#!') ? text : `#!/bin/sh\n${text}`;
    files.push({
      path: file,
      content: { text: whole.endsWith('\n') ? whole : `${whole}\n`, isScript: true },
    });
    return `./${file}`;
  };

  const take = (name: string, args: MapTree): void => {
    for (const [field, inner] of args.entries) {
      if (!FIELDS.includes(field)) lost(inner, `export: ${name}: unknown field ${field}`);
      if (field === 'level') lost(inner, `export: ${name}: level: vlb has one level of compression`);
    }
    const compress = fixed(args, 'compress') ?? '';
    const way = WAYS[name]?.[compress === 'gz' ? 'gzip' : compress];
    if (!way) return void lost(args, `export: ${name}: unknown compression ${compress}`);
    if (way.note !== undefined) note(args, `export: ${name}: compress: ${compress}: ${way.note}`);
    const { format = name } = way.format;
    const written = `build/export/${machine}/${format}/${machine}.${way.extension}`;
    const place = fixed(args, 'path');
    const [before, after] = [fixed(args, 'pre_script'), fixed(args, 'post_script')];
    const hooks: Record<string, string> = {};
    if (before !== undefined) hooks['before'] = hook(before, format, 'before');
    if (after !== undefined) {
      const script = hook(after, format, 'after');
      hooks['after'] =
        place === undefined ? script : `${copyLine(`${machine}.${way.extension}`, place)} && ${script}`;
    }
    if (place !== undefined) {
      const text =
        after === undefined
          ? `${place} is written to ${written}`
          : `${written} is copied to ${place} for post_script`;
      note(args, `export: ${name}: ${text}`);
    }
    exports.push({ ...way.format, ...hooks });
  };

  for (const part of tree?.type === 'list' ? tree.items : [tree]) {
    if (part === undefined) continue;
    if (part.type !== 'map') {
      lost(part, 'export: must be a mapping of exporters');
      continue;
    }
    for (const [name, args] of part.entries) {
      if (!Object.hasOwn(WAYS, name) || args.type !== 'map') lost(args, `export: ${name}: unknown exporter`);
      else take(name, args);
    }
  }
  return { exports, files };
}

/** post_script finds the disk at its path, as virt-maker puts it there. */
function copyLine(name: string, place: string): string {
  return `install -D -m 644 "$VLB_EXPORT_DIRECTORY"/${quoteWord(name)} ${quoteWord(place)}`;
}
