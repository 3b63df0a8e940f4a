// edit: replaces what a regular expression matches in a file of the image.

import * as v from 'valibot';
import { ok } from '../../../model/failure.ts';
import { quoteWord } from '../../../util/quote.ts';
import { count, imagePathBelowRoot, mapping, pattern, text } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

/** An odd number of backslashes at its end would escape what follows. */
const WHOLE = v.check<string, string>(
  (given) => (/\\*$/.exec(given)?.[0].length ?? 0) % 2 === 0,
  'must not end with a single backslash',
);

export const EDIT = defineVerb({
  name: 'edit',
  summary:
    'Replaces all matches of a regular expression, in each line of a file. It is one of `sed -E`; in the replacement, & is the match and \\1 to \\9 are its groups. Unless there are `count` matches, or one or more without `count`, the step fails',
  examples: [
    "edit: { path: /etc/ssh/sshd_config, match: '^#?PermitRootLogin .*', replace: PermitRootLogin no, count: 1 }",
    "edit: { path: /etc/login.defs, match: '^(UMASK[[:space:]]+)[0-7]+$', replace: '\\1027' }",
  ],
  schema: mapping({
    path: imagePathBelowRoot(),
    match: v.pipe(pattern('must be a regular expression for one line', /^[^\0\n]+$/), WHOLE),
    replace: v.pipe(text(), WHOLE),
    count: v.optional(count(1)),
  }),
  title: ({ path }) => path,
  compile({ path, match, replace, count }) {
    const file = quoteWord(path);
    const end = delimiter(match + replace);
    const expression = quoteWord(`s${end}${match}${end}${escapeNewlines(replace)}${end}g`);
    const marked = quoteWord(`s${end}${match}${end}&\\n${end}g`);
    const expected = count === undefined ? '-ge 1' : `-eq ${count}`;
    return ok({
      shell: [
        `matches=$(($(sed -E ${marked} ${file} | wc -l) - $(wc -l <${file})))`,
        `[ "$matches" ${expected} ] || {`,
        `  printf '%s\\n' "$matches matches "${quoteWord(`of ${match} in ${path}, not ${count ?? 'one or more'}`)} >&2`,
        '  exit 1',
        '}',
        'edited=$(mktemp)',
        `sed -E ${expression} ${file} >"$edited"`,
        // Not moved over it, so that the file keeps its owner, mode and links.
        `cat "$edited" >${file}`,
        'rm "$edited"',
      ].join('\n'),
    });
  },
});

/** A delimiter of sed's command that is not in these texts. */
function delimiter(texts: string): string {
  return [...'/|#,@%!~;:="'].find((one) => !texts.includes(one)) ?? '\u0001';
}

/** A newline is written as one behind a backslash. */
function escapeNewlines(replacement: string): string {
  return replacement.replaceAll(/\\[\s\S]|\n/g, (found) => (found === '\n' ? '\\\n' : found));
}
