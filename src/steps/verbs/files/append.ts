// append: lines at the end of a file of the image.

import { writeText } from '../../../distro/shell-text.ts';
import { ok } from '../../../model/failure.ts';
import { quoteWord } from '../../../util/quote.ts';
import { asList, imagePathBelowRoot, mapping, oneOrMany, text } from '../../fields.ts';
import { makeParent } from '../../image-files.ts';
import { defineVerb } from '../../verb.ts';

export const APPEND = defineVerb({
  name: 'append',
  summary: 'Appends a line, or several, to a file, which is made if there is none',
  examples: [
    "append: { path: /etc/hosts, line: '192.0.2.10 db.example.org db' }",
    "append: { path: /etc/security/limits.d/app.conf, line: ['app soft nofile 65536', 'app hard nofile 65536'] }",
  ],
  schema: mapping({ path: imagePathBelowRoot(), line: oneOrMany('must be a line', text('must be a line')) }),
  title: ({ path }) => path,
  compile({ path, line }) {
    const file = quoteWord(path);
    const lines = asList(line).map((one) => (one.endsWith('\n') ? one : `${one}\n`));
    return ok({
      shell: [
        ...makeParent(path),
        // The last line of the file may not be ended.
        `[ ! -s ${file} ] || [ -z "$(tail -c 1 ${file})" ] || echo >>${file}`,
        writeText(file, lines.join(''), '>>'),
      ].join('\n'),
    });
  },
});
