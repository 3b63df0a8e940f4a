// YAML of a virt-maker template as a tree whose parts know their lines, and the merging of templates by `from` and `to`.

import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { fail, ok, type Result } from '../../model/failure.ts';

/** `web.yml:12` */
export type Place = string;

/** A text, which numbers and booleans are too, as they are written; null, a list or a mapping. */
export type Tree =
  | {
      readonly type: 'text';
      readonly text: string;
      /** What it is to expressions. */
      readonly value: string | number | boolean;
      readonly at: Place;
    }
  | { readonly type: 'null'; readonly at: Place }
  | { readonly type: 'list'; readonly items: readonly Tree[]; readonly at: Place }
  | MapTree;

export interface MapTree {
  readonly type: 'map';
  readonly entries: ReadonlyMap<string, Tree>;
  readonly at: Place;
}

/**
 * The tree of a text in YAML 1.1, which virt-maker's reader has. Fails as `usage`, with the line.
 * @param file its absolute path
 * @param name of the file in places
 */
export function readTree(text: string, file: string, name: string): Result<Tree> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.1' });
  const [error] = document.errors;
  if (error) {
    const { line } = lines.linePos(error.pos[0]);
    return fail('usage', `${name}: ${error.message}`, { where: { file, line } });
  }
  return ok(treeOf(document.contents, document, (offset) => `${name}:${lines.linePos(offset).line}`));
}

function treeOf(node: unknown, document: Document.Parsed, placeAt: (offset: number) => Place): Tree {
  const range = (node as { range?: readonly number[] | null } | null)?.range; // what each node of a parsed document has
  const at = placeAt(range?.[0] ?? 0);
  if (isAlias(node)) return treeOf((node as Alias).resolve(document), document, placeAt);
  if (isSeq(node))
    return { type: 'list', items: node.items.map((item) => treeOf(item, document, placeAt)), at };
  if (isMap(node)) {
    const entries = new Map<string, Tree>();
    for (const { key, value } of node.items) {
      const name = treeOf(key, document, placeAt);
      const tree = value === null ? { type: 'null' as const, at: name.at } : treeOf(value, document, placeAt);
      const isMerge = name.type === 'text' && name.text === '<<' && tree.type === 'map';
      if (isMerge) for (const [own, inner] of tree.entries) entries.set(own, entries.get(own) ?? inner);
      else entries.set(name.type === 'text' ? name.text : '', placed(tree, name.at));
    }
    return { type: 'map', entries, at };
  }
  if (!isScalar(node) || node.value === null) return { type: 'null', at };
  const { value } = node;
  if (typeof value === 'string') return { type: 'text', text: value, value, at };
  const plain = typeof value === 'number' || typeof value === 'boolean' ? value : String(value);
  return { type: 'text', text: node.source ?? String(value), value: plain, at };
}

/** A value has the line of its key: a block of text begins in the line after it. */
function placed(tree: Tree, at: Place): Tree {
  return tree.type === 'text' || tree.type === 'null' ? { ...tree, at } : tree;
}

/** The parts of two templates: of what both have, lists are joined and mappings merged, and `first` has the values. */
export function mergeBefore(first: MapTree, second: MapTree): MapTree {
  return merge(first, second, (mine, other) => [...other, ...mine], false);
}

/** The same, where lists of `second` come last, and its values count. */
export function mergeAfter(first: MapTree, second: MapTree): MapTree {
  return merge(first, second, (mine, other) => [...mine, ...other], true);
}

function merge(
  first: MapTree,
  second: MapTree,
  join: (mine: readonly Tree[], other: readonly Tree[]) => readonly Tree[],
  isSecondFinal: boolean,
): MapTree {
  const entries = new Map(first.entries);
  for (const [key, other] of second.entries) {
    const mine = first.entries.get(key);
    if (mine?.type === 'map' && other.type === 'map')
      entries.set(key, merge(mine, other, join, isSecondFinal));
    else if (mine?.type === 'list' && other.type === 'list') {
      entries.set(key, { ...mine, items: join(mine.items, other.items) });
    } else if (mine === undefined || isSecondFinal) entries.set(key, other);
  }
  return { ...first, entries };
}

/** A field of a mapping; undefined where there is none. */
export function fieldOf(tree: Tree | undefined, name: string): Tree | undefined {
  return tree?.type === 'map' ? tree.entries.get(name) : undefined;
}

/** The text of a tree; undefined where it is not one. */
export function textOf(tree: Tree | undefined): string | undefined {
  return tree?.type === 'text' ? tree.text : undefined;
}

/** A tree as a plain value, for expressions. */
export function plainOf(tree: Tree): unknown {
  if (tree.type === 'text') return tree.value;
  if (tree.type === 'list') return tree.items.map(plainOf);
  return tree.type === 'map'
    ? Object.fromEntries([...tree.entries].map(([key, inner]) => [key, plainOf(inner)]))
    : null;
}

/** A plain value as a tree: what an expression gave. */
export function treeOfValue(value: unknown, at: Place): Tree {
  if (Array.isArray(value)) return { type: 'list', items: value.map((item) => treeOfValue(item, at)), at };
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => [key, treeOfValue(inner, at)] as const);
    return { type: 'map', entries: new Map(entries), at };
  }
  if (typeof value === 'string') return { type: 'text', text: value, value, at };
  if (typeof value !== 'number' && typeof value !== 'boolean') return { type: 'null', at };
  return { type: 'text', text: String(value), value, at };
}
