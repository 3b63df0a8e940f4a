// The result of checking this machine for the programs and devices that vlb needs or can use.

/** One requirement of vlb. */
export interface Finding {
  /** What it is required for, as a heading: `vlb build`. */
  readonly group: string;
  readonly name: string;
  readonly state: 'ok' | 'missing' | 'problem';
  /** Whether building a layer with the default backend requires it. */
  readonly needed: boolean;
  readonly purpose: string;
  /** Its version, or what is wrong with it. */
  readonly detail?: string;
  /** How to fix it: a command, or a sentence with one. */
  readonly cure?: string;
}

/** Whether layers can be built with the default backend. */
export function canBuild(findings: readonly Finding[]): boolean {
  return findings.every(({ needed, state }) => !needed || state === 'ok');
}
