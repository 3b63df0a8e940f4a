// What users find in build/ after a build.

import { statSync } from 'node:fs';
import path from 'node:path';
import { type Artifact, bytesOf } from '../model/artifact.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import { isLayer, type LayerNode } from '../model/graph.ts';
import type { Plan } from '../model/plan.ts';
import type { LinkedImage } from '../model/ports/store.ts';
import { type ImageLayers, mainLayer } from '../plan/images.ts';
import { flattenImage } from './flatten.ts';
import type { Context } from './run-context.ts';
import { type Done, SUPERSEDED } from './schedule/loop.ts';

export interface OutputOptions {
  /** The plan is of the whole project: what build/ has of other layers is of layers that are gone. */
  readonly complete: boolean;
  /** Make build/image.qcow2 one flat file. */
  readonly flatten: boolean;
  /** Nodes whose artifacts are read after the build: they are fetched and stay leased; build/image.qcow2 stays as it is. */
  readonly kept?: ReadonlySet<string> | undefined;
  /** The images that vlb.yaml names. */
  readonly images: ImageLayers;
}

/** The result of a build. */
export interface Outputs {
  /** build/image.qcow2; undefined where only images with parameters of their own are built. */
  readonly main: ImageFile | undefined;
  /** The images that vlb.yaml names, of those layers that were built. */
  readonly named: readonly ImageFile[];
}

export interface ImageFile {
  /** Absolute path. */
  readonly file: string;
  /** The size of it and of everything that it depends on. */
  readonly bytes: number;
}

/** Links what is there, after a failure too; an image is only ever a whole one. */
export async function makeOutputs(
  plan: Plan,
  {
    artifacts,
    notFetched,
    failures,
    superseded,
  }: Pick<Done, 'artifacts' | 'notFetched' | 'failures' | 'superseded'>,
  options: OutputOptions,
  context: Context,
): Promise<Result<Outputs>> {
  const nodes = plan.map((step) => step.node);
  const layers = nodes.filter(isLayer).flatMap(({ name }) => {
    const artifact = artifacts.get(name);
    return artifact && !notFetched.has(name) ? [{ layer: name, artifact }] : [];
  });
  const main = mainLayer(nodes);
  const artifact = main && artifacts.get(main.name);
  const failed = failures[0]?.failure ?? (superseded.length > 0 ? SUPERSEDED : undefined);
  const image = failed || options.kept ? undefined : linkedImage(main, artifact, options);
  const named = new Map([...options.images].map(([name, layer]) => [name, artifacts.get(layer)]));
  const all = options.complete
    ? nodes.map(({ name }) => name).filter((name) => !notFetched.has(name))
    : undefined;
  const linked = await context.inPlace.link(layers, image, named, all);
  if (failed) return { ok: false, failure: failed };
  if (!linked.ok) return linked;
  if (!nodes.some(isLayer)) return fail('usage', 'there is nothing to build');
  const namedFiles = [...options.images]
    .filter(([, layer]) => artifacts.has(layer))
    .map(([name, layer]) => ({
      file: path.join(context.paths.build, `${name}.qcow2`),
      bytes: chainBytes(layer, nodes, artifacts),
    }));
  if (!artifact || !main) return ok({ main: undefined, named: namedFiles });
  const file = linked.value;
  if (!options.flatten) {
    return ok({ main: { file, bytes: chainBytes(main.name, nodes, artifacts) }, named: namedFiles });
  }
  const done = await flattenImage(artifact, file, context);
  return done.ok ? ok({ main: { file, bytes: statSync(file).size }, named: namedFiles }) : done;
}

/** What build/image.qcow2 is to be: `none` in a project that only has images with parameters of their own. */
function linkedImage(
  main: LayerNode | undefined,
  artifact: Artifact | undefined,
  { complete, flatten }: OutputOptions,
): LinkedImage | undefined {
  if (artifact) return { artifact, flat: flatten };
  return main === undefined && complete ? 'none' : undefined;
}

/** A layer and everything that its disk depends on. */
function chainBytes(
  layer: string,
  nodes: readonly { name: string; parent?: string | undefined }[],
  artifacts: Done['artifacts'],
): number {
  let bytes = 0;
  for (let name: string | undefined = layer; name !== undefined; ) {
    const artifact = artifacts.get(name);
    bytes += artifact ? bytesOf(artifact) : 0;
    name = nodes.find((node) => node.name === name)?.parent;
  }
  return bytes;
}
