// move: a file or directory of the image to another place in it.

import { ok } from '../../../model/failure.ts';
import { quoteCommand } from '../../../util/quote.ts';
import { imagePathBelowRoot, mapping } from '../../fields.ts';
import { makeParent } from '../../image-files.ts';
import { defineVerb } from '../../verb.ts';

export const MOVE = defineVerb({
  name: 'move',
  summary:
    'Moves a file or directory of the image. With a slash at its end, `to` is the directory that it is moved into; without one it is its new name',
  examples: [
    'move: { from: /etc/nginx/nginx.conf, to: /etc/nginx/nginx.conf.dist }',
    'move: { from: /var/www/html, to: /srv/ }',
  ],
  schema: mapping({ from: imagePathBelowRoot(), to: imagePathBelowRoot() }),
  title: ({ from, to }) => `${from} ${to}`,
  compile({ from, to }) {
    const move = to.endsWith('/') ? ['mv', from, to] : ['mv', '-T', from, to];
    return ok({ shell: [...makeParent(to.endsWith('/') ? `${to}x` : to), quoteCommand(move)].join('\n') });
  },
});
