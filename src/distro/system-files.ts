// The files in which distributions keep host name, time zone, locale and keymap. Each function returns lines of shell, for values of
// a form that needs no quotes.

import { type Distribution, isLike, majorVersion } from './distribution.ts';
import { stop } from './shell-text.ts';

/** @param name letters, digits, dashes and dots */
export function setHostname(distribution: Distribution, name: string): string {
  const short = name.split('.', 1)[0] ?? name;
  const lines = [`echo ${name} >/etc/hostname`];
  if (isLike(distribution, 'debian', 'ubuntu')) {
    // Debian Reference, 5.1.1: a host without a fixed address has this one for its name.
    lines.push(
      'touch /etc/hosts',
      String.raw`sed -i '/^127\.0\.1\.1[[:space:]]/d' /etc/hosts`,
      `echo '127.0.1.1 ${short === name ? name : `${name} ${short}`}' >>/etc/hosts`,
    );
  }
  return lines.join('\n');
}

/** @param zone a name of the time zone database: `Europe/Berlin` */
export function setTimezone(distribution: Distribution, zone: string): string {
  const file = `/usr/share/zoneinfo/${zone}`;
  const lines = [
    `[ -f ${file} ] || ${stop(`${file} does not exist: check the name, or install tzdata in a step before`)}`,
    `ln -sfT ${file} /etc/localtime`,
  ];
  // Debian 13 has the link alone.
  if (isLike(distribution, 'debian', 'ubuntu')) {
    const isOld = distribution.id !== 'debian' || majorVersion(distribution, 13) < 13;
    lines.push(
      isOld ? `echo ${zone} >/etc/timezone` : `[ ! -e /etc/timezone ] || echo ${zone} >/etc/timezone`,
    );
  }
  return lines.join('\n');
}

/** @param locale C, POSIX, C.UTF-8 or a locale in UTF-8 */
export function setLocale(distribution: Distribution, locale: string): string {
  const isBuiltIn = /^(?:C|POSIX)/.test(locale);
  const setting = `LANG=${locale}`;
  if (isLike(distribution, 'alpine')) return `echo 'export ${setting}' >/etc/profile.d/90-locale.sh`;
  if (isLike(distribution, 'debian', 'ubuntu')) {
    // PAM reads /etc/default/locale, and from Debian 13 on it is a link.
    const isLink = distribution.id === 'debian' && majorVersion(distribution, 13) >= 13;
    return [
      ...(isBuiltIn ? [] : generated(locale, 'locales')),
      ...(isLink
        ? [`echo ${setting} >/etc/locale.conf`, 'ln -sfT ../locale.conf /etc/default/locale']
        : [`echo ${setting} >/etc/default/locale`]),
    ].join('\n');
  }
  const language = locale.split('_', 1)[0];
  const present = isLike(distribution, 'arch')
    ? generated(locale, 'glibc')
    : [
        `locale -a | grep -qxF ${locale.replace('UTF-8', 'utf8')} ||`,
        `  ${stop(`the image has no locale ${locale}: install glibc-langpack-${language} or glibc-locale in a step before`)}`,
      ];
  return [...(isBuiltIn ? [] : present), `echo ${setting} >/etc/locale.conf`].join('\n');
}

function generated(locale: string, packageName: string): string[] {
  const line = `${locale} UTF-8`;
  return [
    `command -v locale-gen >/dev/null || ${stop(`the image has no locale-gen: install ${packageName} in a step before`)}`,
    `grep -qxF '${line}' /etc/locale.gen || echo '${line}' >>/etc/locale.gen`,
    'locale-gen',
  ];
}

/** @param keymap `LAYOUT` or `LAYOUT-VARIANT` */
export function setKeymap(distribution: Distribution, keymap: string): string {
  const [layout = keymap, variant = ''] = keymap.split(/-(.*)/s, 2);
  if (isLike(distribution, 'alpine')) {
    return `setup-keymap ${layout} ${variant === '' ? layout : keymap}`;
  }
  if (!isLike(distribution, 'debian', 'ubuntu')) return `echo KEYMAP=${keymap} >/etc/vconsole.conf`;
  return [
    "cat >/etc/default/keyboard <<'EOF'",
    'XKBMODEL="pc105"',
    `XKBLAYOUT="${layout}"`,
    `XKBVARIANT="${variant}"`,
    'XKBOPTIONS=""',
    'BACKSPACE="guess"',
    'EOF',
    '# The console has a copy, made by console-setup.',
    'if command -v setupcon >/dev/null; then setupcon --save-only; fi',
  ].join('\n');
}
