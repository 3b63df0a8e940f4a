// apt, of Debian, Ubuntu and those derived from them.

import { fail, ok } from '../../model/failure.ts';
import { quoteWord } from '../../util/quote.ts';
import { command, fed } from '../shell-text.ts';
import { KEPT, KEPT_COMMENT, type PackageManager, wantedWords } from './port.ts';

/** With its lists up to date. A list that has not changed since the last time is not transferred again. */
const PREPARED = `${KEPT_COMMENT}
export APT_CONFIG=/tmp/apt.conf
mkdir -p ${KEPT}/apt/lists/partial ${KEPT}/apt/archives/partial
cat >"$APT_CONFIG" <<'EOF'
Dir::Cache "${KEPT}/apt";
Dir::State::Lists "${KEPT}/apt/lists";
APT::Keep-Downloaded-Packages "true";
EOF
apt-get -q update`;

export const APT: PackageManager = {
  name: 'apt',
  install(wanted, recommends) {
    const option = recommends ? '--install-recommends' : '--no-install-recommends';
    const words = ['apt-get', '-q', '-y', option, 'install', ...wantedWords(wanted, '=')];
    return ok(`${PREPARED}\n${command(words)}`);
  },
  uninstall: (names) => ok(command(['apt-get', '-q', '-y', '--purge', '--autoremove', 'remove', ...names])),
  update(names) {
    const words =
      names.length === 0
        ? ['upgrade', '--with-new-pkgs']
        : ['install', '--only-upgrade', '--no-install-recommends', ...names];
    return ok(`${PREPARED}\n${command(['apt-get', '-q', '-y', ...words])}`);
  },
  addRepository({ name, url, suites, components, putKey, isKeyArmored }) {
    if (suites.length === 0) {
      return fail('usage', `repository ${name}: the suite is missing`, {
        hint: 'set "suites", for example: suites: [bookworm]',
      });
    }
    const isFlat = suites.some((suite) => suite.endsWith('/'));
    if (!isFlat && components.length === 0) {
      return fail('usage', `repository ${name}: the components are missing`, {
        hint: 'set "components", for example: components: [main]',
      });
    }
    const key = `/etc/apt/keyrings/${name}.${isKeyArmored ? 'asc' : 'gpg'}`;
    const lines = [
      'Types: deb',
      `URIs: ${url}`,
      `Suites: ${suites.join(' ')}`,
      ...(isFlat ? [] : [`Components: ${components.join(' ')}`]),
      `Signed-By: ${key}`,
    ];
    const file = `/etc/apt/sources.list.d/${name}.sources`;
    return ok(
      [
        'mkdir -p /etc/apt/keyrings',
        putKey(quoteWord(key)),
        fed(`cat >${quoteWord(file)}`, `${lines.join('\n')}\n`),
      ].join('\n'),
    );
  },
};
