// What the table of commands consists of: plain data from which the parsers, help, completion, the manual page and
// docs/commands.md are made.

export interface Option {
  /** One letter. */
  readonly alias?: string;
  /** Name of the value in texts, such as LAYER; it also decides how the value is completed. Without it, a flag. */
  readonly value?: string;
  /** The only valid values. */
  readonly choices?: readonly string[];
  readonly default?: string;
  /** The value is an integer of 1 or more. */
  readonly number?: true;
  /** May be given more than once. */
  readonly list?: true;
  /** Valid without a value too. */
  readonly optional?: true;
  /** A noun phrase or an imperative, in lower case. */
  readonly text: string;
}

export interface Argument {
  /** As for options. */
  readonly value: string;
  readonly choices?: readonly string[];
  readonly required?: true;
  /** Takes all words that follow. */
  readonly rest?: true;
  readonly text: string;
}

export interface Command {
  readonly text: string;
  readonly arguments?: Readonly<Record<string, Argument>>;
  readonly options?: Readonly<Record<string, Option>>;
  /** Options of which only one can be given. */
  readonly exclusive?: readonly string[];
  /** What follows `--` is a command line of its own; for other commands, more arguments. */
  readonly behind?: string;
  /** Another name, for compatibility. */
  readonly alias?: string;
  /** Command lines, and what each is for. */
  readonly examples: readonly (readonly [line: string, text: string])[];
}
