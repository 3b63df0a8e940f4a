// What a hint is: its entry in the table of words.ts, and the hints of a script while it is being parsed.

import type { Hints, ScriptKind } from '../../model/project.ts';

/** The hints of a script while it is being parsed; becomes Hints. */
export type HintDraft = {
  -readonly [Name in keyof Hints]: Hints[Name] extends readonly (infer Item)[]
    ? Item[]
    : Hints[Name] extends ReadonlyMap<infer Key, infer Value>
      ? Map<Key, Value>
      : Hints[Name];
};

export interface HintWord {
  /** The syntax, after `# vlb:`. */
  readonly form: string;
  /** The field of a layer.yaml for it; undefined where it has no use there. */
  readonly field?: { readonly name: string; readonly shape: FieldShape };
  /** The meaning, for help and documentation. */
  readonly text: string;
  /** Why it has no use in a boot-layer. */
  readonly notBooted?: string;
  /** Whether it is for a boot-layer only. */
  readonly isBooted?: true;
  /** Adds a hint's arguments to the draft. Returns what is wrong with them, as the predicate of a message, or undefined. */
  take(
    draft: HintDraft,
    args: readonly string[],
    about: {
      readonly kind: ScriptKind;
      readonly line: number;
      /** The arguments as they are in the line, with the blanks between them. */
      readonly text: string;
    },
  ): string | undefined;
}

/**
 * How a layer.yaml has the arguments of a hint: as true or false, one text, several texts, a mapping of the first argument to the
 * second, or a mapping of names to values.
 */
export type FieldShape = 'flag' | 'text' | 'texts' | 'pairs' | 'params';
