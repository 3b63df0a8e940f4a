// vlb layer show and vlb layer convert: the shell that a layer of steps amounts to.

import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, failAt, ok, type Result } from '../../model/failure.ts';
import { scriptFile } from '../../model/project.ts';
import { shownPath } from '../../util/shown-path.ts';
import { type LayerScript, layerScript } from '../../workspace/steps/script.ts';
import type { Raw } from '../args/table/table.ts';
import { giveCreated, ownerOf } from '../give-back.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { interruptible } from '../terminal/interrupt.ts';

/** Prints the script. */
export async function show(raw: Raw<'layer show'>, options: GlobalOptions): Promise<number | Failure> {
  return await interruptible(async (signal) => {
    const script = await scriptOf(raw, options, signal);
    if (script.ok) process.stdout.write(script.value.text);
    return script.ok ? ok() : script;
  });
}

/** Writes the script in place of the layer.yaml. */
export async function convert(raw: Raw<'layer convert'>, options: GlobalOptions): Promise<number | Failure> {
  return await interruptible(async (signal) => {
    const script = await scriptOf(raw, options, signal);
    return script.ok ? write(script.value, options) : script;
  });
}

function write({ layer, text, hasValues }: LayerScript, options: GlobalOptions): Result<void> {
  if (layer.system) {
    return fail('usage', `layer ${layer.name} makes a system, which no single script can`, {
      where: { file: scriptFile(layer) },
      hint: `make two layers of what \`vlb layer show ${layer.name}\` prints: a modify-disk and a build-layer`,
    });
  }
  const file = path.join(layer.directory, 'build-layer');
  try {
    writeFileSync(file, text, { flag: 'wx' });
    chmodSync(file, 0o755);
    rmSync(path.join(layer.directory, 'layer.yaml'));
    giveCreated(ownerOf(options.directory), options.directory, [path.relative(options.directory, file)]);
  } catch (error) {
    return failAt(file, 'cannot convert the layer', error);
  }
  process.stdout.write(`${shownPath(file)}\n`);
  if (hasValues) {
    process.stderr.write(
      'note: values of params are written in it as they are now; use "$NAME" where they may change\n',
    );
  }
  return ok();
}

function scriptOf(
  { name, distribution, param }: Raw<'layer show'>,
  options: GlobalOptions,
  signal: AbortSignal,
): Promise<Result<LayerScript>> {
  return layerScript(workspaceOf(options), {
    layer: name,
    distribution,
    params: param,
    emit: (event) => {
      if (event.type === 'note') process.stderr.write(`note: ${event.message}\n`);
    },
    signal,
  });
}
