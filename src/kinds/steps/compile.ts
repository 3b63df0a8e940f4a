// Compiles the steps of a layer to shell, for the system of an image.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Distribution } from '../../distro/distribution.ts';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { Layer, LayerStep } from '../../model/project.ts';
import { VERBS } from '../../steps/registry.ts';
import { renderTemplate } from '../../steps/render.ts';
import type { LayerFiles, StepContext } from '../../steps/verb.ts';
import { holds } from './conditions.ts';
import type { InputTree } from './input-tree.ts';

export interface Compilation {
  readonly layer: Pick<Layer, 'name' | 'directory' | 'platform'>;
  readonly distribution: Distribution;
  /** The files of the layer, and the directory with their bytes. */
  readonly tree: InputTree;
  readonly inputs: string;
}

/** The shell of a step; undefined if its `when` does not hold in this system. Fails as `usage`, with the place of the step. */
export function compileStep(step: LayerStep, compilation: Compilation): Result<string | undefined> {
  const { layer, distribution } = compilation;
  if (!step.when.every((condition) => holds(condition, distribution))) return ok(undefined);
  const made = VERBS.find(({ name }) => name === step.verb)?.step(step.args);
  if (!made?.ok) throw new Error(`${step.verb} took these arguments before: ${step.text}`);
  const values = {
    layer: path.basename(layer.directory),
    architecture: layer.platform.architecture,
    distribution,
    git: step.git ?? {},
    ...step.params,
  };
  const context: StepContext = {
    distribution,
    architecture: layer.platform.architecture,
    layer: values.layer,
    params: step.params,
    files: layerFiles(compilation),
    render: (text) => renderTemplate(text, values),
  };
  const compiled = made.step.compile(context);
  if (compiled.ok) return ok(compiled.value.shell);
  return { ok: false, failure: { ...compiled.failure, where: step.where } };
}

function layerFiles({ tree, inputs }: Compilation): LayerFiles {
  return {
    match: (patterns) => tree.match(patterns),
    read(name) {
      const found = tree.resolve(name);
      if (found === undefined) {
        return fail('usage', `the layer has no file ${name}`, {
          hint: 'paths are relative to the layer; files that .vlbignore excludes do not exist for it',
        });
      }
      if (found.type !== 'file') return fail('usage', `${name} is not a file`);
      const file = path.join(inputs, found.path);
      try {
        return ok(readFileSync(file));
      } catch (error) {
        return failAt(file, `cannot read ${name} of the layer`, error);
      }
    },
  };
}
