// vlb layer show and vlb layer convert: the shell that a layer of steps amounts to.

import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, failAt, type Result } from '../../model/failure.ts';
import { scriptFile } from '../../model/project.ts';
import { shownPath } from '../../util/shown-path.ts';
import { type LayerScript, layerScript } from '../../workspace/steps/script.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT } from '../exit-status.ts';
import { giveCreated, ownerOf } from '../give-back.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt } from '../terminal/interrupt.ts';

/** Prints the script. */
export async function show(raw: Raw<'layer show'>, options: GlobalOptions): Promise<number | Failure> {
  const script = await scriptOf(raw, options);
  if (!script.ok) return script.failure;
  process.stdout.write(script.value.text);
  return EXIT.ok;
}

/** Writes the script in place of the layer.yaml. */
export async function convert(raw: Raw<'layer convert'>, options: GlobalOptions): Promise<number | Failure> {
  const script = await scriptOf(raw, options);
  if (!script.ok) return script.failure;
  const { layer, text, hasValues } = script.value;
  if (layer.system) {
    return fail('usage', `layer ${layer.name} makes a system, which no single script can`, {
      where: { file: scriptFile(layer) },
      hint: `make two layers of what \`vlb layer show ${layer.name}\` prints: a modify-disk and a build-layer`,
    }).failure;
  }
  const file = path.join(layer.directory, 'build-layer');
  try {
    writeFileSync(file, text, { flag: 'wx' });
    chmodSync(file, 0o755);
    rmSync(path.join(layer.directory, 'layer.yaml'));
    giveCreated(ownerOf(options.directory), options.directory, [path.relative(options.directory, file)]);
  } catch (error) {
    return failAt(file, 'cannot convert the layer', error).failure;
  }
  process.stdout.write(`${shownPath(file)}\n`);
  if (hasValues) {
    process.stderr.write(
      'note: values of params are written in it as they are now; use "$NAME" where they may change\n',
    );
  }
  return EXIT.ok;
}

function scriptOf(
  { name, distribution, param }: Raw<'layer show'>,
  options: GlobalOptions,
): Promise<Result<LayerScript>> {
  const interrupt = createInterrupt();
  interrupt.listen();
  return layerScript(workspaceOf(options), {
    layer: name,
    distribution,
    params: param,
    emit: (event) => {
      if (event.type === 'note') process.stderr.write(`note: ${event.message}\n`);
    },
    signal: interrupt.signal,
  });
}
