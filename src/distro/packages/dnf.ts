// dnf 4, dnf 5 and yum, of Fedora, RHEL and those derived from them.

import { ok } from '../../model/failure.ts';
import { command } from '../shell-text.ts';
import { KEPT, KEPT_COMMENT, type PackageManager, wantedWords } from './port.ts';
import { addRpmRepository } from './rpm.ts';

/** What differs between the three. */
interface Flavor {
  readonly name: 'dnf' | 'yum';
  /** Options with which it keeps its downloads, and asks for new lists. */
  readonly kept: readonly string[];
  /** The option for weak dependencies; yum does not know them. */
  readonly weak: (recommends: boolean) => readonly string[];
}

function weakDependencies(recommends: boolean): string[] {
  return [`--setopt=install_weak_deps=${recommends ? 'True' : 'False'}`];
}

function manager({ name, kept, weak }: Flavor): PackageManager {
  const online = (...words: readonly string[]) =>
    `${KEPT_COMMENT}\n${command([name, '-y', ...kept, ...words])}`;
  return {
    name,
    install: (wanted, recommends) => ok(online(...weak(recommends), 'install', ...wantedWords(wanted, '-'))),
    uninstall: (names) => ok(command([name, '-y', 'remove', ...names])),
    update: (names) => ok(online(name === 'yum' ? 'update' : 'upgrade', ...names)),
    addRepository: (repository) => ok(addRpmRepository(repository, '/etc/yum.repos.d')),
  };
}

export const DNF = manager({
  name: 'dnf',
  kept: ['--refresh', `--setopt=cachedir=${KEPT}/dnf`, '--setopt=keepcache=True'],
  weak: weakDependencies,
});

/** The directory of root's downloads is a setting of its own. */
export const DNF5 = manager({
  name: 'dnf',
  kept: ['--refresh', `--setopt=system_cachedir=${KEPT}/dnf5`, '--setopt=keepcache=True'],
  weak: weakDependencies,
});

/** Without skip_missing_names_on_install=False it ignores names that it does not find. */
export const YUM = manager({
  name: 'yum',
  kept: [
    '--setopt=skip_missing_names_on_install=False',
    '--setopt=metadata_expire=0',
    `--setopt=cachedir=${KEPT}/yum`,
    '--setopt=keepcache=1',
  ],
  weak: () => [],
});
