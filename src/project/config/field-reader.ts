// Turns what the YAML parser found in vlb.yaml into values, and into complaints with positions.

import { isMap, type LineCounter, type ParsedNode, type YAMLMap } from 'yaml';
import { fail, type Result } from '../../model/failure.ts';
import { nearest } from '../../util/nearest.ts';

/** The file's name, as it stands in complaints. */
export const CONFIG_FILE = 'vlb.yaml';

export type Fields = YAMLMap<ParsedNode, ParsedNode | null>;

export class FieldReader {
  readonly #file: string;
  readonly #lines: LineCounter;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  /** The text of a scalar (numbers too: a checksum of digits alone is one to YAML), or undefined. */
  text(node: unknown): string | undefined {
    const scalar = node as { source?: unknown; value?: unknown } | null; // a Scalar has both; others have neither
    if (typeof scalar?.value === 'string') return scalar.value;
    return typeof scalar?.value === 'number' && typeof scalar.source === 'string' ? scalar.source : undefined;
  }

  /** The fields of a mapping; undefined when it is none. */
  fields(node: ParsedNode | null | undefined): Fields | undefined {
    return isMap(node) ? (node as Fields) : undefined; // a map in a parsed document has parsed nodes
  }

  field(map: Fields, name: string): ParsedNode | undefined {
    return map.items.find((pair) => this.text(pair.key) === name)?.value ?? undefined;
  }

  place(node: ParsedNode | null): { readonly file: string; readonly line: number } {
    return { file: this.#file, line: this.#lines.linePos(node?.range[0] ?? 0).line };
  }

  wrong(node: ParsedNode | null, field: string, what: string): Result<never> {
    return fail('usage', `${CONFIG_FILE}: ${field} ${what}`, { where: this.place(node) });
  }

  unknownField(map: Fields, prefix: string, known: readonly string[]): Result<never> | undefined {
    for (const pair of map.items) {
      const name = this.text(pair.key) ?? '';
      if (known.includes(name)) continue;
      const guess = nearest(name, known);
      const advice =
        guess === undefined ? `; there is ${known.join(', ')}` : `; did you mean ${prefix}${guess}?`;
      return this.wrong(pair.key, `${prefix}${name}`, `is no field that vlb knows${advice}`);
    }
    return undefined;
  }
}
