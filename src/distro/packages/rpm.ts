// Repositories of RPM packages, which dnf, yum and zypper describe in the same way.

import { quoteWord } from '../../util/quote.ts';
import { fed } from '../shell-text.ts';
import type { Repository } from './port.ts';

/**
 * Shell that adds a repository.
 * @param directory of the manager's .repo files
 */
export function addRpmRepository(
  { name, url, putKey }: Repository,
  directory: string,
  more: readonly string[] = [],
): string {
  const key = `/etc/pki/rpm-gpg/RPM-GPG-KEY-${name}`;
  const lines = [
    `[${name}]`,
    `name=${name}`,
    `baseurl=${url}`,
    'enabled=1',
    'gpgcheck=1',
    `gpgkey=file://${key}`,
    ...more,
  ];
  return [
    `mkdir -p ${directory} /etc/pki/rpm-gpg`,
    putKey(quoteWord(key)),
    `rpm --import ${quoteWord(key)}`,
    fed(`cat >${quoteWord(`${directory}/${name}.repo`)}`, `${lines.join('\n')}\n`),
  ].join('\n');
}
