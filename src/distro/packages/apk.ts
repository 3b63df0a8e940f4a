// apk, of Alpine.

import { ok } from '../../model/failure.ts';
import { quoteWord } from '../../util/quote.ts';
import { command, writeText } from '../shell-text.ts';
import { KEPT, KEPT_COMMENT, type PackageManager, wantedWords } from './port.ts';

const DIRECTORY = `${KEPT}/apk`;
const PREPARED = `${KEPT_COMMENT}\nmkdir -p ${DIRECTORY}`;
const ONLINE = ['--cache-dir', DIRECTORY, '--update-cache'];

/** Its packages have no recommended ones. */
export const APK: PackageManager = {
  name: 'apk',
  install(wanted) {
    // A file has the signature of the machine that built it, which the image has no reason to know.
    const trust = wanted.some((one) => 'file' in one) ? ['--allow-untrusted'] : [];
    return ok(`${PREPARED}\n${command(['apk', 'add', ...ONLINE, ...trust, ...wantedWords(wanted, '=')])}`);
  },
  uninstall: (names) => ok(command(['apk', 'del', ...names])),
  update(names) {
    const words = names.length === 0 ? ['upgrade', ...ONLINE] : ['add', '--upgrade', ...ONLINE, ...names];
    return ok(`${PREPARED}\n${command(['apk', ...words])}`);
  },
  addRepository: ({ keyName, url, putKey }) =>
    ok(
      [
        'mkdir -p /etc/apk/keys',
        // An index says which file of this directory its key is in.
        putKey(quoteWord(`/etc/apk/keys/${keyName}`)),
        writeText('/etc/apk/repositories', `${url}\n`, '>>'),
      ].join('\n'),
    ),
};
