// The importers of virt-maker, as the base of vlb.yaml.

import path from 'node:path';
import type { Note } from '../imported.ts';
import type { Expressions } from './expressions.ts';
import { fieldOf, type MapTree, type Tree, textOf } from './tree.ts';

/** The base of vlb.yaml; undefined without one. */
export type BaseFields = Readonly<Record<string, string>> | undefined;

/** What a virt-maker importer is translated with. */
interface BaseContext {
  readonly expressions: Expressions;
  lost(tree: Tree, text: string): void;
  note(tree: Tree, text: string): void;
}

/** A download has no checksum there. A build with this one fails, and prints the right one. */
export const NO_DIGEST = '0'.repeat(64);

const IMPORTERS: Readonly<Record<string, (args: MapTree, context: BaseContext) => BaseFields>> = {
  'virt-builder': (args, context) => {
    const image = field(args, 'image', context);
    unknownFields(args, ['image', 'size'], context);
    if (image === undefined) return undefined;
    const file = `${image.replaceAll('/', '_')}.qcow2`;
    context.note(
      args,
      `virt-builder: create the base first, with: virt-builder ${image} --format qcow2 --output ${file}`,
    );
    return { path: file, ...sizeOf(args, context) };
  },
  download: (args, context) => {
    const url = field(args, 'url', context);
    unknownFields(args, ['url', 'resize'], context);
    if (url === undefined) return undefined;
    const growth = growthOf(fieldOf(args, 'resize'), context);
    if (url.startsWith('file://'))
      return { path: path.posix.join('/', url.slice('file://'.length)), ...growth };
    context.note(
      args,
      `download: no checksum is given there: put the SHA-256 of the file into vlb.yaml (${url})`,
    );
    return { url, sha256: NO_DIGEST, ...growth };
  },
  isoboot: (args, { lost }) => {
    lost(
      args,
      'isoboot: vlb types into no installer: install the system elsewhere, and set base in vlb.yaml',
    );
    return undefined;
  },
};

/** The base that `spec.import` means, and what of it vlb does not have. */
export function baseOf(tree: Tree | undefined, expressions: Expressions, notes: Note[]): BaseFields {
  const push = (isLost: boolean) => (place: Tree, text: string) => {
    notes.push({ at: place.at, text, isLost });
  };
  const context: BaseContext = { expressions, lost: push(true), note: push(false) };
  if (tree?.type !== 'map') {
    if (tree) context.lost(tree, 'import: must be a mapping of importers');
    return undefined;
  }
  let base: BaseFields;
  for (const [name, args] of tree.entries) {
    const translate = Object.hasOwn(IMPORTERS, name) ? IMPORTERS[name] : undefined;
    if (!translate || args.type !== 'map') context.lost(args, `import: ${name}: unknown importer`);
    else if (base) context.lost(args, `import: ${name}: a second importer`);
    else base = translate(args, context);
  }
  return base;
}

/** `resize`, as virt-resize(1) has it. */
function growthOf(resize: Tree | undefined, context: BaseContext): Readonly<Record<string, string>> {
  if (resize?.type !== 'map') return {};
  for (const [name, tree] of resize.entries) {
    if (name !== 'size' && name !== 'expand') {
      context.lost(tree, `resize: ${name}: vlb grows one partition, that of expand or the last one`);
    }
  }
  const expand = field(resize, 'expand', context, false);
  const [, number] = /^\/dev\/[a-z]+?(?:\d+p)?([1-9]\d?)$/.exec(expand ?? '') ?? [];
  const size = sizeOf(resize, context);
  if (expand !== undefined && number === undefined) {
    context.lost(resize, `resize: expand: ${expand} is not a partition like /dev/sda1`);
  }
  return { ...size, ...(number === undefined || size['size'] === undefined ? {} : { expand: number }) };
}

function sizeOf(args: MapTree, context: BaseContext): Readonly<Record<string, string>> {
  const size = field(args, 'size', context, false);
  if (size === undefined) return {};
  // Without a unit, bytes.
  const bytes = /^\d+$/.test(size) ? `${size}B` : size;
  if (/^\d+(\.\d+)?([KMGT]i?)?B?$/i.test(bytes) && /[a-z]$/i.test(bytes)) return { size: bytes };
  context.lost(args, `size: ${size} is not a size like 20G`);
  return {};
}

function field(args: MapTree, name: string, context: BaseContext, isRequired = true): string | undefined {
  const tree = fieldOf(args, name);
  const text = textOf(tree);
  if (text === undefined) {
    if (isRequired) context.lost(args, `${name} is missing`);
    return undefined;
  }
  const fixed = context.expressions.fixed(text);
  if (fixed.ok) return fixed.value;
  context.lost(tree ?? args, `${name}: ${fixed.failure.message}`);
  return undefined;
}

function unknownFields(args: MapTree, known: readonly string[], { lost }: BaseContext): void {
  for (const [name, tree] of args.entries) if (!known.includes(name)) lost(tree, `unknown field ${name}`);
}
