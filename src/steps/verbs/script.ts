// script: a script of the layer, run in the chroot.

import * as v from 'valibot';
import { ok } from '../../model/failure.ts';
import { layerPath, mapping, oneOf } from '../fields.ts';
import { cleanPath, fileArgument } from '../layer-files.ts';
import { asUser, RUN_FIELDS, settings } from '../run-as.ts';
import { defineVerb } from '../verb.ts';

const RULE = 'must be a file of the layer, or a mapping with "file"';

const SCHEMA = oneOf(RULE, [
  layerPath(),
  mapping({
    file: layerPath(),
    arguments: v.optional(v.array(v.string('must be a string'), 'must be a list')),
    ...RUN_FIELDS,
  }),
]);

export const SCRIPT = defineVerb({
  name: 'script',
  summary: 'Runs a script of the layer: by the program of its first line, `#!…`, or by /bin/sh -eu',
  examples: [
    'script: ./setup.sh',
    'script: { file: build.sh, arguments: [--release], user: build, directory: /usr/src/app }',
  ],
  schema: SCHEMA,
  title: (args) => [fileOf(args), ...(typeof args === 'string' ? [] : (args.arguments ?? []))].join(' '),
  // It may read any of them.
  reads: () => 'all',
  compile(args, { files }) {
    const content = files.read(cleanPath(fileOf(args)));
    if (!content.ok) return content;
    const { arguments: words = [], ...more } = typeof args === 'string' ? { file: args } : args;
    // It is found from any directory.
    const file = `/mnt/${fileArgument(fileOf(args))}`;
    const command = [...interpreterOf(content.value), file, ...words];
    return ok({ shell: [...settings(more), asUser(command, more.user)].join('\n') });
  },
});

function fileOf(args: v.InferOutput<typeof SCHEMA>): string {
  return typeof args === 'string' ? args : args.file;
}

/** As the kernel reads the first line: the rest behind the program is one argument. The file need not be executable. */
function interpreterOf(content: Buffer): readonly string[] {
  const [, program, argument] =
    /^#![ \t]*(\S+)(?:[ \t]+(.*\S))?[ \t]*(?:\r?\n|$)/.exec(content.toString('utf8', 0, 256)) ?? [];
  if (program === undefined) return ['/bin/sh', '-eu'];
  return argument === undefined ? [program] : [program, argument];
}
