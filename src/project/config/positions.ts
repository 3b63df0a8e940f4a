// Finds where in a YAML file a value is, and turns the parsed document into plain values.

import {
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Pair,
  type ParsedNode,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

/**
 * The line of a field: of its key, or of a list's item. A field that does not exist has the line of the nearest existing one.
 * @param path keys and indices from the root: `['cache', 'trusted-keys', 0]`
 */
export function lineOf(root: ParsedNode, path: readonly (string | number)[], lines: LineCounter): number {
  return placeIn(root, path, lines).line;
}

/** The line and the column of a field, as {@link lineOf} finds it. */
export function placeIn(
  root: ParsedNode,
  path: readonly (string | number)[],
  lines: LineCounter,
): { readonly line: number; readonly column: number } {
  let node: ParsedNode | null = root;
  let place: ParsedNode | null = null;
  for (const name of path) {
    if (isMap(node)) {
      const pair: Pair<ParsedNode, ParsedNode | null> | undefined = pairsOf(node).find(
        ({ key }) => textOf(key) === name,
      );
      if (pair === undefined) break;
      place = pair.key;
      node = pair.value;
    } else if (isSeq(node)) {
      node = itemsOf(node)[Number(name)] ?? null;
      place = node ?? place;
    }
  }
  if (place === null) return { line: 1, column: 1 };
  const { line, col: column } = lines.linePos(place.range[0]);
  return { line, column };
}

/**
 * The value of a node. Numbers become their source text (a checksum of digits only must not be rounded); null and aliases
 * become null, which no field accepts.
 */
export function plainValue(node: ParsedNode | null): unknown {
  if (isMap(node)) {
    const entries = pairsOf(node).map(({ key, value }) => [textOf(key) ?? '', plainValue(value)] as const);
    return Object.assign(Object.create(null), Object.fromEntries(entries));
  }
  if (isSeq(node)) return itemsOf(node).map(plainValue);
  if (isScalar(node) && typeof node.value === 'boolean') return node.value;
  return textOf(node) ?? null;
}

function textOf(node: ParsedNode | null): string | undefined {
  if (!isScalar(node)) return undefined;
  if (typeof node.value === 'string') return node.value;
  return typeof node.value === 'number' ? node.source : undefined;
}

function pairsOf(node: YAMLMap): readonly Pair<ParsedNode, ParsedNode | null>[] {
  return node.items as Pair<ParsedNode, ParsedNode | null>[]; // a map in a parsed document has parsed nodes
}

function itemsOf(node: YAMLSeq): readonly (ParsedNode | null)[] {
  return node.items as (ParsedNode | null)[]; // likewise
}
