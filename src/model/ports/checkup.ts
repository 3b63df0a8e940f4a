// What a look at this machine found: whether the things that vlb needs, or can use, are there.

/** One thing that vlb uses. */
export interface Finding {
  /** What it is for, as a heading: `vlb build`. */
  readonly group: string;
  readonly name: string;
  readonly state: 'ok' | 'missing' | 'problem';
  /** No layer can be built without it on the default backend. */
  readonly needed: boolean;
  readonly purpose: string;
  /** Its version, or what is wrong with it. */
  readonly detail?: string;
  /** What mends it: a command, or a sentence that holds one. */
  readonly cure?: string;
}

/** Whether a layer can be built on the default backend. */
export function canBuild(findings: readonly Finding[]): boolean {
  return findings.every(({ needed, state }) => !needed || state === 'ok');
}
