// copy: files of the layer to a place in the image.

import * as v from 'valibot';
import { command } from '../../../distro/shell-text.ts';
import { fail, ok, type Result } from '../../../model/failure.ts';
import { quoteWord } from '../../../util/quote.ts';
import { asList, imagePath, layerPattern, mapping, mode, oneOrMany, owner, pattern } from '../../fields.ts';
import { cleanPath, exactly, fileArgument, isPlainPath } from '../../layer-files.ts';
import { defineVerb, type LayerFile, type LayerFiles } from '../../verb.ts';

const SCHEMA = mapping({
  from: oneOrMany('must be a path or pattern of the layer', layerPattern()),
  to: imagePath(),
  mode: v.optional(mode()),
  'directory-mode': v.optional(pattern('must be an octal mode, such as 0755', /^0?[0-7]{3,4}$/)),
  owner: v.optional(owner()),
});

type Args = v.InferOutput<typeof SCHEMA>;

export const COPY = defineVerb({
  name: 'copy',
  summary:
    'Copies files, links and whole directories of the layer. With a slash at its end, `to` is the directory that they are copied into; without one it is the new name of the one that is copied. Files that a pattern matches keep the directories below its fixed part. `mode` is for files, `directory-mode` for copied directories',
  examples: [
    'copy: { from: nginx.conf, to: /etc/nginx/nginx.conf, mode: 0640, owner: root:www-data }',
    'copy: { from: conf/**/*.conf, to: /etc/nginx/conf.d/ }',
    'copy: { from: site/, to: /srv/www, owner: www-data, directory-mode: 0750 }',
  ],
  schema: SCHEMA,
  version: 2,
  title: ({ from, to }) => [...asList(from), to].join(' '),
  reads: ({ from }) =>
    asList(from)
      .map(cleanPattern)
      .map((one) => (isPlainPath(one) ? exactly(one) : one)),
  compile(args, { files }) {
    const found = copiesOf(args, files);
    if (!found.ok) return found;
    const lines = [
      ...removalLines(found.value),
      ...copyLines(found.value),
      ...attributeLines(found.value, args),
    ];
    return ok({ shell: lines.join('\n') });
  },
});

/** What is copied, and the name that it gets. */
interface Copy {
  readonly file: LayerFile;
  readonly target: string;
}

/** Fails as `usage` if nothing matches, or more than can have one name. */
function copiesOf({ from, to }: Args, files: LayerFiles): Result<readonly Copy[]> {
  const patterns = asList(from).map(cleanPattern);
  const excluded = patterns.filter((one) => one.startsWith('!'));
  const copies: Copy[] = [];
  for (const wanted of patterns) {
    if (wanted.startsWith('!')) continue;
    const matched = files.match([isPlainPath(wanted) ? exactly(wanted) : wanted, ...excluded]);
    if (matched.length === 0) return fail('usage', `no file of the layer matches "${wanted}"`);
    const fixed = fixedPart(wanted);
    copies.push(
      ...matched.map((file) => ({
        file,
        target: to.endsWith('/') ? to + file.path.slice(fixed.length) : to,
      })),
    );
  }
  const [first, second] = copies;
  if (first === undefined) return fail('usage', 'every pattern of "from" excludes files');
  if (second !== undefined && !to.endsWith('/')) {
    return fail('usage', `${first.file.path} and ${second.file.path} cannot both be copied to ${to}`, {
      hint: `write "to: ${to}/" to copy them into that directory`,
    });
  }
  return ok(copies);
}

/** A slash at the end of a source means nothing. */
function cleanPattern(given: string): string {
  return given.startsWith('!') ? `!${cleanPath(given.slice(1))}` : cleanPath(given);
}

/** The directories in front of the first wildcard, or of a plain name, as the start of the paths that the pattern matches. */
function fixedPart(given: string): string {
  const wildcard = /(?<!\\)(?:[*?[{]|[!+@]?\()/.exec(given)?.index ?? given.length;
  const fixed = given.slice(0, given.lastIndexOf('/', wildcard - 1) + 1);
  return fixed.replaceAll(/\\(.)/gs, '$1');
}

/**
 * Takes away what is at the places of files, so that nothing is written through a link of the image. The option --remove-destination of
 * cp does that too, but not every busybox has it.
 */
function removalLines(copies: readonly Copy[]): string[] {
  const [directories, files] = [true, false].map((isDirectory) =>
    copies.filter(({ file }) => (file.type === 'directory') === isDirectory),
  );
  return [
    ...(files?.length ? [command(['rm', '-f', ...files.map(({ target }) => target)])] : []),
    ...(directories ?? []).map(({ file, target }) => {
      return `[ ! -d ${quoteWord(target)} ] || ${inTree(file.path, target, '! -type d ', 'rm -f')}`;
    }),
  ];
}

function copyLines(copies: readonly Copy[]): string[] {
  const lines: string[] = [];
  for (const [directory, inside] of Map.groupBy(copies, ({ target }) => parentOf(target))) {
    if (directory.lastIndexOf('/', directory.length - 2) > 0) {
      lines.push(command(['mkdir', '-p', directory.slice(0, -1)]));
    }
    // Under their own names where they have these, with one command.
    const [renamed, named] = [false, true].map((isNamed) =>
      inside.filter(({ file, target }) => target.endsWith(`/${nameOf(file.path)}`) === isNamed),
    );
    for (const { file, target } of renamed ?? []) {
      lines.push(command(['cp', '-RPT', fileArgument(file.path), target]));
    }
    if (named !== undefined && named.length > 0) {
      const sources = named.map(({ file }) => fileArgument(file.path));
      lines.push(command(['cp', '-RP', ...sources, directory]));
    }
  }
  return lines;
}

function parentOf(target: string): string {
  return target.slice(0, target.lastIndexOf('/') + 1);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function attributeLines(copies: readonly Copy[], args: Args): string[] {
  const { mode, 'directory-mode': directoryMode, owner } = args;
  const single = copies.filter(({ file }) => file.type !== 'directory');
  const files = single.filter(({ file }) => file.type === 'file');
  const all = (words: readonly string[], some: readonly Copy[]) =>
    some.length === 0 ? [] : [command([...words, ...some.map(({ target }) => target)])];
  return [
    ...(owner === undefined ? [] : all(['chown', '-h', owner], single)),
    ...(mode === undefined ? [] : all(['chmod', mode], files)),
    ...copies
      .filter(({ file }) => file.type === 'directory')
      .flatMap(({ file, target }) => [
        ...(owner === undefined ? [] : [inTree(file.path, target, '', `chown -h ${quoteWord(owner)}`)]),
        ...(mode === undefined ? [] : [inTree(file.path, target, '-type f ', `chmod ${mode}`)]),
        ...(directoryMode === undefined
          ? []
          : [inTree(file.path, target, '-type d ', `chmod ${directoryMode}`)]),
      ]),
  ];
}

/** A command for what is in a directory of the layer, at the place that it was copied to: other files there stay as they are. */
function inTree(source: string, target: string, test: string, change: string): string {
  const from = quoteWord(fileArgument(source));
  return `(cd ${from} && find . ${test}-print0) | (cd ${quoteWord(target)} && xargs -0 -r ${change})`;
}
