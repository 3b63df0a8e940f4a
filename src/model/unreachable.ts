// The end of every exhaustive switch.

/** Fails to compile when a case was forgotten, and throws if one slips through at run time. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
