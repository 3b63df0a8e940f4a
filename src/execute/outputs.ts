// What a person finds in build/ after a build.

import { statSync } from 'node:fs';
import type { Plan } from '../model/action.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import { type LayerNode, needsOf } from '../model/graph.ts';
import { layerNumber } from '../project/discover.ts';
import type { Context } from './context.ts';
import { flatten } from './flatten.ts';
import type { Done } from './schedule.ts';

/** The result of a build: what it takes up with all it stands on, bytes. */
export interface Image {
  /** Absolute path of image.qcow2. */
  readonly file: string;
  readonly bytes: number;
}

/**
 * Links what is there, after a failure too; the image is only ever a whole one. It is the layer with the highest
 * number among those that nothing stands on.
 */
export async function makeOutputs(
  plan: Plan,
  { artifacts, failure }: Pick<Done, 'artifacts' | 'failure'>,
  wantsFlat: boolean,
  context: Context,
): Promise<Result<Image>> {
  const nodes = plan.map((step) => step.node);
  const layers = nodes.flatMap(({ type, name }) => {
    const artifact = artifacts.get(name);
    return type === 'layer' && artifact ? [{ layer: name, artifact }] : [];
  });
  const needed = new Set(nodes.flatMap(needsOf));
  const main = nodes
    .filter((node) => node.type === 'layer')
    .filter((node) => !needed.has(node.name))
    .toSorted((a, b) => layerNumber(a.name) - layerNumber(b.name))
    .at(-1);
  const artifact = main && artifacts.get(main.name);
  const image = failure || !artifact ? undefined : { artifact, flat: wantsFlat };
  const linked = await context.inPlace.link(layers, image);
  if (failure) return { ok: false, failure };
  if (!linked.ok) return linked;
  if (!artifact || !main) return fail('usage', 'there is nothing to build');
  if (wantsFlat) {
    const done = await flatten(artifact, linked.value, context);
    return done.ok ? ok({ file: linked.value, bytes: statSync(linked.value).size }) : done;
  }
  return ok({ file: linked.value, bytes: bytesOf(main, nodes, artifacts) });
}

/** A layer and all that its disk stands on. */
function bytesOf(
  main: LayerNode,
  nodes: readonly { name: string; parent?: string | undefined }[],
  artifacts: Done['artifacts'],
): number {
  let bytes = 0;
  for (let name: string | undefined = main.name; name !== undefined; ) {
    bytes += artifacts.get(name)?.bytes ?? 0;
    name = nodes.find((node) => node.name === name)?.parent;
  }
  return bytes;
}
