// What the longer options of virt-customize amount to.

import path from 'node:path';
import type { Draft, StepEntry } from '../../translate/draft.ts';
import { literal, STEP } from '../../translate/steps.ts';
import { quoteCommand } from '../../util/quote.ts';
import type { Source } from '../imported.ts';

/** What an option is translated with. */
export interface OptionContext {
  readonly draft: Draft;
  /** The option, for notes. */
  readonly at: string;
  readonly source: Source;
  /** The absolute path of a file that a value names. */
  locate(file: string): string;
}

/** Why a value is not valid; undefined where it is. */
export type Fault = string | undefined;

/** Directories that nearly every image has, from hier(7): as a target, they are not the name of a file. */
const DIRECTORIES = new Set(
  `/ /bin /boot /etc /home /lib /media /mnt /opt /root /sbin /srv /tmp /usr /var
   /etc/cron.d /etc/cron.daily /etc/default /etc/profile.d /etc/ssh /etc/sudoers.d /etc/sysctl.d
   /etc/systemd/system /etc/yum.repos.d /etc/apt/sources.list.d
   /usr/bin /usr/lib /usr/libexec /usr/sbin /usr/share /usr/src
   /usr/local /usr/local/bin /usr/local/etc /usr/local/lib /usr/local/sbin /usr/local/share /usr/local/src
   /var/cache /var/lib /var/log /var/spool /var/tmp /var/www /var/www/html`.split(/\s+/),
);

/** The name of a local file in a directory of the image. */
export function placeIn(directory: string, local: string): string {
  return path.posix.join('/', directory, path.basename(local));
}

/** --copy-in and --upload: a file or a tree, under a name in the image. An upload keeps its owner. */
export function copyStep(local: string, to: string, context: OptionContext, withOwner: boolean): Fault {
  const status = context.source.status(context.locate(local));
  if (!status) return missing(local);
  context.draft.step(
    context.at,
    STEP.copy({
      from: context.draft.copiedFile(context.locate(local)),
      to: literal(to),
      ...(status.type === 'file' ? { mode: status.mode } : {}),
      ...(withOwner && status.owner !== '0:0' ? { owner: status.owner } : {}),
    }),
  );
  return undefined;
}

/** --upload FILE:DEST, whose target may be a directory of the image. */
export function uploadStep(local: string, target: string, context: OptionContext): Fault {
  if (context.source.status(context.locate(local))?.type === 'directory') return `${local} is a directory`;
  const isDirectory = target.endsWith('/') || DIRECTORIES.has(target);
  return copyStep(local, isDirectory ? placeIn(target, local) : target, context, true);
}

/** --tar-in */
export function unpackStep(
  local: string,
  directory: string,
  { draft, at, source, locate }: OptionContext,
): Fault {
  if (source.status(locate(local))?.type !== 'file') return missing(local);
  draft.step(at, STEP.program('tar', '-xf', draft.copiedFile(locate(local)), '-C', directory));
  return undefined;
}

/** --run and --firstboot: a script of this machine. */
export function scriptStep(
  local: string,
  { draft, at, source, locate }: OptionContext,
  step: (file: string) => StepEntry,
): Fault {
  const text = source.text(locate(local));
  if (text === undefined) return missing(local);
  // virt-customize gives a script without an interpreter line to a shell.
  const whole = text.startsWith('#!') ? text : `#!/bin/sh\n${text}`;
  draft.step(at, step(draft.textFile(path.basename(local), whole, true)));
  return undefined;
}

/** A substitution at a fixed place of a line, or everywhere: what sed -E replaces alike. */
const SUBSTITUTION = /^\s*s([/|,!#])((?:\\.|(?!\1)[^\\])+)\1((?:\\.|(?!\1)[^\\])*)\1(g?);?\s*$/;
/** What means something else in Perl's regular expressions than in POSIX', or in its replacements than in sed's. */
const PERL_ONLY = /\\[A-Za-z0-9<>`']|\(\?|[*+?}][?+]|[$@](?!$)|\$.*\$/;
const PERL_REPLACEMENT = /[\\$@&\n]/;

/** --edit: a Perl expression for each line of a file, see virt-edit(1). A common substitution needs no Perl. */
export function editStep(file: string, expression: string, { draft, at }: OptionContext): StepEntry {
  const [, end = '', match = '', replace = '', flags] = SUBSTITUTION.exec(expression) ?? [];
  const [pattern, replacement] = [match, replace].map((text) => text.replaceAll(`\\${end}`, end));
  const isOnce = flags === 'g' || match.startsWith('^') || match.endsWith('$');
  const isShared = pattern && isOnce && !PERL_ONLY.test(pattern) && !PERL_REPLACEMENT.test(replacement ?? '');
  if (isShared) {
    draft.note(at, 'the step fails if nothing in the file matches');
    return STEP.edit(literal(file), literal(pattern), literal(replacement ?? ''));
  }
  draft.note(at, 'the expression requires Perl in the image; an edit step does without');
  const whole = expression.trim();
  const counted = whole.includes('$lineno') ? `$lineno = $.; ${whole}` : whole;
  return STEP.program('perl', '-p', '-i', '-e', counted, file);
}

/** --ssh-inject USER[:file:FILE|:string:KEY] */
export function sshKeyStep(value: string, { draft, at, source, locate }: OptionContext): Fault {
  const [, user = '', kind, given = ''] = /^([^:]+)(?::(file|string):([\s\S]+))?:?$/.exec(value) ?? [];
  if (user === '') return 'must be USER, USER:file:FILE or USER:string:KEY';
  if (kind === 'string') {
    draft.step(at, STEP.sshKey(literal(user), literal(given.trim())));
    return undefined;
  }
  const file = kind === 'file' ? locate(given) : source.publicKey();
  if (file === undefined) return 'there is no public key in ~/.ssh';
  if (source.text(file) === undefined) return missing(file);
  draft.step(at, STEP.sshKey(literal(user), draft.copiedFile(file)));
  if (kind === undefined) draft.note(at, `the key is that of this user, ${path.basename(file)}`);
  return undefined;
}

/** The script of --firstboot-install: the image's package manager is not known before it is built. */
export function installAtBoot(packages: readonly string[]): string {
  const words = quoteCommand(packages);
  const branches = MANAGERS.map(
    ([program, command], index) =>
      `${index === 0 ? 'if' : 'elif'} command -v ${program} >/dev/null; then\n  ${command} ${words}\n`,
  );
  return `#!/bin/sh\nset -eu\n${branches.join('')}else\n  echo 'no known package manager' >&2\n  exit 1\nfi\n`;
}

/** Programs, and how each installs packages. */
const MANAGERS = [
  ['apt-get', 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get -y install'],
  ['dnf', 'dnf -y install'],
  ['yum', 'yum -y install'],
  ['zypper', 'zypper --non-interactive install'],
  ['apk', 'apk add'],
  ['pacman', 'pacman -Sy --noconfirm'],
  ['xbps-install', 'xbps-install -Sy'],
] as const;

export function missing(file: string): string {
  return `no such file: ${file}`;
}
