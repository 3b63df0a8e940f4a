// A layer of steps while what another tool says is translated into it.

/** One step, a mapping from its verb to its arguments. */
export type StepEntry = Readonly<Record<string, unknown>>;

export interface Draft {
  /** Adds a step, or notes why vlb does not take it. @param at the line or option that it is from */
  step(at: string, step: StepEntry): void;
  /** Adds a step that comes after all others, such as the password of a user whom a later step creates. */
  lastStep(at: string, step: StepEntry): void;
  /** Notes what is not imported, also at its place among the steps. */
  lost(at: string, text: string): void;
  /** Notes what is imported and means something else, or has to be completed. */
  note(at: string, text: string): void;
  /** Declares a parameter with its default. */
  param(name: string, value: string): void;
  secret(name: string): void;
  withoutNetwork(): void;
  /** Adds a file with a text. Returns its path as a step names it, `./name`. */
  textFile(name: string, text: string, isScript: boolean): string;
  /** Adds a copy of a file or directory of this machine. Returns its path likewise. */
  copiedFile(file: string): string;
}
