// pacman, of Arch Linux.

import { fail, ok } from '../../model/failure.ts';
import { command, fed } from '../shell-text.ts';
import { KEPT, KEPT_COMMENT, type PackageManager, wantedWords } from './port.ts';

const DIRECTORY = `${KEPT}/pacman`;
const PREPARED = `${KEPT_COMMENT}\nmkdir -p ${DIRECTORY}`;
const ONLINE = ['--noconfirm', '--needed', '--cachedir', DIRECTORY];
/** Its lists are always below its database. */
const NO_LISTS = 'rm -rf /var/lib/pacman/sync';

/** Arch supports no partial upgrades, so whatever installs from a repository also brings the rest up to date. */
export const PACMAN: PackageManager = {
  name: 'pacman',
  install(wanted) {
    for (const one of wanted) {
      if ('file' in one || one.version === undefined) continue;
      return fail('usage', `pacman cannot install version ${one.version} of ${one.name}`, {
        hint: 'remove the version, or install its package file from the layer',
      });
    }
    const files = wanted.filter((one) => 'file' in one);
    const packages = wanted.filter((one) => !('file' in one));
    return ok(
      [
        PREPARED,
        command(['pacman', '-Syu', ...ONLINE, ...wantedWords(packages, '')]),
        ...(files.length === 0 ? [] : [command(['pacman', '-U', ...ONLINE, ...wantedWords(files, '')])]),
        NO_LISTS,
      ].join('\n'),
    );
  },
  uninstall: (names) => ok(command(['pacman', '-Rns', '--noconfirm', ...names])),
  update(names) {
    if (names.length > 0) {
      return fail('usage', 'pacman cannot update single packages', { hint: 'use "update: all"' });
    }
    return ok(`${PREPARED}\n${command(['pacman', '-Syu', ...ONLINE])}\n${NO_LISTS}`);
  },
  addRepository: ({ name, url, fingerprint, putKey }) =>
    fingerprint === undefined
      ? fail('usage', `repository ${name}: pacman needs the fingerprint of its key`, {
          hint: 'set "key" to a file of the layer, with "fingerprint"',
        })
      : ok(
          [
            putKey('/tmp/key'),
            'pacman-key --add /tmp/key',
            command(['pacman-key', '--lsign-key', fingerprint]),
            fed('cat >>/etc/pacman.conf', `\n[${name}]\nServer = ${url}\n`),
          ].join('\n'),
        ),
};
