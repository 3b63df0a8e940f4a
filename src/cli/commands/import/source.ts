// What imports ask of this machine.

import { statSync } from 'node:fs';
import { availableParallelism, freemem, homedir, totalmem } from 'node:os';
import path from 'node:path';
import type { Source } from '../../../import/imported.ts';
import { namesIn, statIfAny, textIfAny } from '../../../util/fs.ts';

/** This machine, for imports. */
export const SOURCE: Source = {
  text: textIfAny,
  status(file) {
    const stat = statIfAny(file);
    if (!stat?.isFile() && !stat?.isDirectory()) return undefined;
    return {
      type: stat.isFile() ? 'file' : 'directory',
      mode: (stat.mode & 0o7777).toString(8).padStart(4, '0'),
      owner: `${stat.uid}:${stat.gid}`,
    };
  },
  publicKey() {
    const directory = path.join(homedir(), '.ssh');
    return namesIn(directory)
      .filter((name) => /^id.*\.pub$/.test(name) && !name.endsWith('-cert.pub'))
      .map((name) => path.join(directory, name))
      .toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
  },
  now: () => new Date(),
  random: Math.random,
  processors: availableParallelism,
  memory: () => ({ free: freemem(), total: totalmem() }),
};
