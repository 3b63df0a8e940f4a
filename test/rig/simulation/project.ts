// A project that is larger than one machine: images, each a chain of layers, whose lower layers others share.

import { createHash } from 'node:crypto';
import { below, logNormal } from './random.ts';

export interface SimulatedLayer {
  readonly name: string;
  readonly parent: SimulatedLayer | undefined;
  /** The text of its inputs. */
  readonly manifest: string;
  /** How long its script takes, ms. */
  readonly takes: number;
}

/**
 * One layer of a hundred is a base, four are built on those or on each other, and the rest belongs to one image alone.
 * Returns the last layers of the images.
 */
export function simulatedImages(
  layers: number,
  images: number,
  random: () => number,
): readonly SimulatedLayer[] {
  let count = 0;
  const layer = (parent: SimulatedLayer | undefined): SimulatedLayer => {
    const name = `${++count}_layer`;
    const hash = createHash('sha256').update(name).digest('hex');
    return {
      name,
      parent,
      manifest: `file x ${hash} "./build-layer"`,
      takes: logNormal(30_000, 0.8, random),
    };
  };
  const shared = Array.from({ length: layers / 100 }, () => layer(undefined));
  const places = layers / 20;
  while (shared.length < places) shared.push(layer(shared[below(shared.length, random)]));
  const rest = layers - shared.length;
  return Array.from({ length: images }, (_, image) => {
    let last = shared[below(shared.length, random)];
    const own = Math.floor(((image + 1) * rest) / images) - Math.floor((image * rest) / images);
    for (let number = 0; number < own; number++) last = layer(last);
    if (last === undefined) throw new Error('a project has layers');
    return last;
  });
}

/** The layers of an image, the lowest first. */
export function chainOf(last: SimulatedLayer): readonly SimulatedLayer[] {
  const chain: SimulatedLayer[] = [];
  for (let at: SimulatedLayer | undefined = last; at; at = at.parent) chain.unshift(at);
  return chain;
}
