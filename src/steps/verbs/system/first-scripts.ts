// What the steps firstboot and firstlogin have in common: a script of the layer or a command line, as a file of the image.

import * as v from 'valibot';
import { writeText } from '../../../distro/shell-text.ts';
import { ok, type Result } from '../../../model/failure.ts';
import { layerPath, text } from '../../fields.ts';
import { cleanPath, exactly, fileWord } from '../../layer-files.ts';
import type { LayerFiles } from '../../verb.ts';

export const SCRIPT_FIELDS = {
  script: v.optional(layerPath()),
  command: v.optional(text('must be a command line')),
};

export interface FirstScript {
  readonly script?: string | undefined;
  readonly command?: string | undefined;
}

/** Whether it is given in one of the two ways; the message is for when it is not. */
export function hasOne({ script, command }: FirstScript): boolean {
  return (script === undefined) !== (command === undefined);
}
export const NOT_ONE = 'must have either script or command';

/** For the title of a step. */
export function titleOf({ script, command }: FirstScript): string {
  return script ?? command ?? '';
}

export function readsOf({ script }: FirstScript): readonly string[] {
  return script === undefined ? [] : [exactly(script)];
}

/** A name for files, from that of the script. */
export function nameOf({ script }: FirstScript): string {
  if (script === undefined) return 'command';
  const name = cleanPath(script)
    .replace(/^.*\//, '')
    .replaceAll(/[^A-Za-z0-9._-]/g, '_');
  return name.replace(/^[.-]/, '_');
}

/** The lines that write the script to a file, a word of the shell. One without `#!` is for /bin/sh -eu. Fails as `usage` without the file. */
export function putScript(
  { script, command }: FirstScript,
  file: string,
  files: LayerFiles,
): Result<string[]> {
  const chmod = `chmod 0755 ${file}`;
  if (script === undefined) return ok([writeText(file, `#!/bin/sh -eu\n${command}\n`), chmod]);
  const content = files.read(cleanPath(script));
  if (!content.ok) return content;
  const hasInterpreter = content.value.subarray(0, 2).toString('latin1') === '#!';
  return ok([
    hasInterpreter
      ? `cat ${fileWord(script)} >${file}`
      : `{ echo '#!/bin/sh -eu'; cat ${fileWord(script)}; } >${file}`,
    chmod,
  ]);
}
