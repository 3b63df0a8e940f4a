// Colours, where they are wanted.

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

/** Paints with colour, or leaves everything as it is. */
export function createStyle(colour: boolean): Style {
  const paint = (how: (text: string) => string): Paint => (colour ? how : (text) => text);
  kleur.enabled = true; // whether to paint at all was decided by the caller
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
export function wantsColour(flag: boolean | undefined, stream: { isTTY?: boolean }): boolean {
  if (flag !== undefined) return flag;
  if (process.env['NO_COLOR']) return false;
  if (process.env['FORCE_COLOR']) return process.env['FORCE_COLOR'] !== '0';
  return stream.isTTY === true && process.env['TERM'] !== 'dumb';
}
