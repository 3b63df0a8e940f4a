// zypper, of openSUSE and SLE.

import { ok } from '../../model/failure.ts';
import { command } from '../shell-text.ts';
import { KEPT, KEPT_COMMENT, type PackageManager, wantedWords } from './port.ts';
import { addRpmRepository } from './rpm.ts';

const ONLINE = ['zypper', '--non-interactive', '--cache-dir', `${KEPT}/zypp`];
const PREPARED = `${KEPT_COMMENT}\n${command([...ONLINE, 'refresh'])}`;

export const ZYPPER: PackageManager = {
  name: 'zypper',
  install(wanted, recommends) {
    const isLocal = wanted.some((one) => 'file' in one);
    const words = [
      ...ONLINE,
      'install',
      recommends ? '--recommends' : '--no-recommends',
      ...(isLocal ? ['--allow-unsigned-rpm'] : []),
      ...wantedWords(wanted, '='),
    ];
    return ok(`${PREPARED}\n${command(words)}`);
  },
  uninstall: (names) => ok(command(['zypper', '--non-interactive', 'remove', '--clean-deps', ...names])),
  update: (names) => ok(`${PREPARED}\n${command([...ONLINE, 'update', '--no-recommends', ...names])}`),
  addRepository: (repository) => ok(addRpmRepository(repository, '/etc/zypp/repos.d', ['autorefresh=1'])),
};
