// Users and groups in the shell of a step: by shadow's programs, or those of busybox in Alpine.

import { quoteCommand, quoteWord } from '../util/quote.ts';
import { type Distribution, isLike } from './distribution.ts';

/** What a new user is given, or one that exists. What is undefined is left to the distribution. */
export interface Account {
  readonly name: string;
  readonly uid?: string | undefined;
  /** The primary group, which exists. */
  readonly group?: string | undefined;
  /** Additional groups, which exist. */
  readonly groups: readonly string[];
  readonly comment?: string | undefined;
  readonly home?: string | undefined;
  readonly shell?: string | undefined;
  readonly system: boolean;
}

function hasBusybox(distribution: Distribution): boolean {
  return isLike(distribution, 'alpine');
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}

/** Lines that make a user, or change one that exists to be like it. */
export function putUser(distribution: Distribution, account: Account): string {
  if (hasBusybox(distribution)) return busyboxUser(account);
  const { name, uid, group, groups, comment, home, shell, system } = account;
  const both = [
    ...option('--uid', uid),
    ...option('--gid', group),
    ...option('--comment', comment),
    ...option('--shell', shell),
  ];
  const more = groups.length === 0 ? [] : ['--groups', groups.join(',')];
  const add = [
    'useradd',
    ...(system ? ['--system'] : ['--create-home']),
    ...both,
    ...more,
    ...option('--home-dir', home),
    name,
  ];
  const change = [
    ...both,
    ...(more.length === 0 ? [] : ['--append', ...more]),
    ...(home === undefined ? [] : ['--home', home, '--move-home']),
  ];
  return [
    `if getent passwd ${quoteWord(name)} >/dev/null; then`,
    `  ${change.length === 0 ? ':' : quoteCommand(['usermod', ...change, name])}`,
    'else',
    `  ${quoteCommand(add)}`,
    'fi',
  ].join('\n');
}

/** It cannot change one that exists. */
function busyboxUser({ name, uid, group, groups, comment, home, shell, system }: Account): string {
  const words = [
    'adduser',
    '-D',
    ...(system ? ['-S', '-H'] : []),
    ...option('-u', uid),
    ...option('-G', group),
    ...option('-g', comment),
    ...option('-h', home),
    ...option('-s', shell),
    name,
  ];
  return [
    `getent passwd ${quoteWord(name)} >/dev/null || ${quoteCommand(words)}`,
    ...groups.map((one) => quoteCommand(['addgroup', name, one])),
  ].join('\n');
}

/** Lines that make a group unless it exists. */
export function putGroup(
  distribution: Distribution,
  group: { readonly name: string; readonly gid?: string | undefined; readonly system: boolean },
): string {
  const { name, gid, system } = group;
  const words = hasBusybox(distribution)
    ? ['addgroup', ...(system ? ['-S'] : []), ...option('-g', gid), name]
    : ['groupadd', ...(system ? ['--system'] : []), ...option('--gid', gid), name];
  return `getent group ${quoteWord(name)} >/dev/null || ${quoteCommand(words)}`;
}

/** Lines that forbid a user to log in with a password; keys still work. */
export function lockPassword(name: string): string {
  // usermod(8) refuses to lock what has no hash, and leaves * and ! as they are.
  return `printf '%s\\n' ${quoteWord(`${name}:!`)} | chpasswd -e`;
}

/** The lines that set a password from its hash, which is in no list of processes: printf is a part of the shell. */
export function setPasswordHash(name: string, hash: string): string {
  return `printf '%s\\n' ${quoteWord(`${name}:${hash}`)} | chpasswd -e`;
}

/**
 * The lines that set a password that is in a secret.
 * @param isHash whether the secret is a hash, as of mkpasswd(1) or crypt(3)
 */
export function setPasswordFromSecret(name: string, secret: string, isHash: boolean): string {
  return [
    `password=$(cat "$VLB_SECRETS"/${quoteWord(secret)})`,
    // Another line would be another user's.
    `case $password in '' | *'`,
    `'*) echo ${quoteWord(`the secret ${secret} must be one line`)} >&2; exit 1 ;; esac`,
    `printf '%s:%s\\n' ${quoteWord(name)} "$password" | chpasswd${isHash ? ' -e' : ''}`,
  ].join('\n');
}

/** The lines that add keys to those with which a user can log in, unless they are there. */
export function authorizeKeys(name: string, keys: readonly string[]): string {
  const user = quoteWord(name);
  return [
    `home=$(getent passwd ${user} | cut -d: -f6)`,
    `[ -n "$home" ] || { echo ${quoteWord(`there is no user ${name}`)} >&2; exit 1; }`,
    `group=$(id -g ${user})`,
    `install -d -m 0700 -o ${user} -g "$group" "$home/.ssh"`,
    'keys=$home/.ssh/authorized_keys',
    'touch "$keys"',
    ...keys.map(
      (key) => `grep -qxF -e ${quoteWord(key)} "$keys" || printf '%s\\n' ${quoteWord(key)} >>"$keys"`,
    ),
    'chmod 0600 "$keys"',
    `chown ${user}:"$group" "$keys"`,
  ].join('\n');
}
