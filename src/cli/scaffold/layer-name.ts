// The name and number of a new layer.

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { bareName, LAYER_NAME, layerNumber, layersDirectory } from '../../project/layers/discover.ts';
import { namesIn } from '../../util/fs.ts';

/** A layer to create. */
export interface FreeLayer {
  readonly name: string;
  /** Where layers are in this project. */
  readonly parent: string;
  /** The names of those that exist. */
  readonly taken: readonly string[];
}

/**
 * The layer that a user means. Without a number, it gets the next free one. Fails as `usage` when the name is not valid or taken.
 * @param given the name as it was typed
 * @param command that creates it, for hints
 */
export function freeLayer(project: string, given: string, command: string): Result<FreeLayer> {
  const parent = layersDirectory(project);
  const taken = namesIn(parent).filter((name) => LAYER_NAME.test(name));
  const next = nextNumber(taken);
  const wanted = given.replace(/\/+$/, '').replace(/^layers\//, '');
  const name = /^\d/.test(wanted) ? wanted : `${next}_${wanted}`;
  if (!LAYER_NAME.test(name)) return invalidName(wanted, next, command);
  const same = taken.find((other) => layerNumber(other) === layerNumber(name));
  if (same !== undefined) {
    const message = same === name ? `layer ${name} already exists` : `${same} has the same number as ${name}`;
    return fail('usage', message, {
      where: { file: path.join(parent, same) },
      hint: `${next} is free: ${command} ${next}_${bareName(name)}${same === name ? '2' : ''}`,
    });
  }
  const called = taken.find((other) => bareName(other) === bareName(name));
  if (called !== undefined && name !== wanted) {
    return fail('usage', `layer ${called} already exists: "${wanted}" would be ambiguous`, {
      where: { file: path.join(parent, called) },
      hint: `choose another name, or give the number too: ${command} ${name}`,
    });
  }
  return ok({ name, parent, taken });
}

/** The failure for a name that is not valid, with a suggestion. */
function invalidName(wanted: string, next: number, command: string): ReturnType<typeof fail> {
  const what = `"${wanted}" is not a valid layer name`;
  if (/^\d+_?$/.test(wanted)) {
    return fail('usage', `${what}: a name must follow the number`, {
      hint: `add a name: ${command} ${wanted.replace('_', '').padStart(2, '0')}_app`,
    });
  }
  const [, digit, rest = ''] = /^(\d)_(.*)$/.exec(wanted) ?? [];
  if (digit !== undefined && LAYER_NAME.test(`0${wanted}`)) {
    return fail('usage', `${what}: the number needs at least two digits`, {
      hint: `${command} 0${wanted}, or after all others: ${command} ${next}_${rest}`,
    });
  }
  return fail('usage', what, {
    hint: 'use letters, digits, dots, dashes and underscores: app, or 35_app to choose the number',
  });
}

/** The next multiple of ten: 10, then 20 after 10 to 19. */
function nextNumber(taken: readonly string[]): number {
  const greatest = Math.max(0, ...taken.map(layerNumber));
  return (Math.floor(greatest / 10) + 1) * 10;
}
