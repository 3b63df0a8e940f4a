// Colors in terminal output.

import kleur from 'kleur';

type Paint = (text: string) => string;

export interface Style {
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
  readonly bold: Paint;
  readonly dim: Paint;
}

/** Functions that color a text, or without `color` return it unchanged. */
export function createStyle(color: boolean): Style {
  const paint = (how: (text: string) => string): Paint => (color ? how : (text) => text);
  kleur.enabled = true; // the caller has decided already
  return {
    red: paint(kleur.red),
    green: paint(kleur.green),
    yellow: paint(kleur.yellow),
    cyan: paint(kleur.cyan),
    bold: paint(kleur.bold),
    dim: paint(kleur.dim),
  };
}

/** `--color`/`--no-color` first, then NO_COLOR and FORCE_COLOR, then whether the stream is a terminal. */
export function wantsColor(flag: boolean | undefined, stream: { isTTY?: boolean }): boolean {
  if (flag !== undefined) return flag;
  if (process.env['NO_COLOR']) return false;
  if (process.env['FORCE_COLOR']) return process.env['FORCE_COLOR'] !== '0';
  return stream.isTTY === true && process.env['TERM'] !== 'dumb';
}
