// The commands of a kickstart that configure the system, where vlb itself has installed it: what an image below a layer would have of its own.

import { quoteWord } from '../../util/quote.ts';
import type { Draft } from '../draft.ts';
import { literal, STEP } from '../steps.ts';
import { COMMANDS, listOf, type Rule } from './commands.ts';

export interface Settings {
  readonly draft: Draft;
  /** The hash of a password in plain text; undefined if it cannot be made, which is noted. */
  hash(user: string, password: string, at: string): string | undefined;
  installs(packageName: string): void;
  withoutKernel(): void;
}

export function settingRules({
  draft,
  hash,
  installs,
  withoutKernel,
}: Settings): Readonly<Record<string, Rule>> {
  return {
    lang: {
      ...COMMANDS['lang'],
      step: (one) => {
        const [, language] = /^([a-z]{2,3})_/.exec(one.others[0] ?? '') ?? [];
        if (language !== undefined) installs(`glibc-langpack-${language}`);
        return COMMANDS['lang']?.step?.(one);
      },
    },
    timezone: {
      ...COMMANDS['timezone'],
      step: (one) => {
        installs('tzdata');
        return COMMANDS['timezone']?.step?.(one);
      },
    },
    rootpw: {
      step: (one) => {
        const [word] = one.others;
        if (word === undefined || one.options.has('lock') || one.options.has('iscrypted')) {
          return COMMANDS['rootpw']?.step?.(one);
        }
        const made = hash('root', word, one.at);
        if (made !== undefined) draft.lastStep(one.at, { 'root-password': { hash: literal(made) } });
        return undefined;
      },
    },
    user: {
      ...COMMANDS['user'],
      step: (one) => {
        const [name, password] = [one.options.get('name'), one.options.get('password')];
        if (!name || password === undefined || one.options.has('iscrypted') || one.options.has('lock')) {
          return COMMANDS['user']?.step?.(one);
        }
        const made = hash(name, password, one.at);
        if (made === undefined) return undefined;
        const options = new Map([...one.options, ['iscrypted', ''], ['password', made]]);
        return COMMANDS['user']?.step?.({ ...one, options });
      },
    },
    firewall: {
      ...COMMANDS['firewall'],
      step: (one) => {
        if (one.options.has('disabled') || one.options.has('disable')) {
          draft.step(
            one.at,
            STEP.run('systemctl disable firewalld 2>/dev/null || true # if it is there at all'),
          );
          return undefined;
        }
        installs('firewalld');
        return COMMANDS['firewall']?.step?.(one);
      },
    },
    // As the installer, which ignores a service that does not exist.
    services: {
      valued: ['enabled', 'disabled'],
      step: ({ at, options }) => {
        const words = (['enabled', 'disabled'] as const).flatMap((name) =>
          listOf(options.get(name)).map(
            (unit) =>
              `systemctl ${name.slice(0, -1)} ${quoteWord(unit)} || echo ${quoteWord(`there is no ${unit}`)}`,
          ),
        );
        if (words.length > 0) draft.step(at, STEP.run(words.join('\n')));
        return undefined;
      },
    },
    selinux: {
      step: (one) => {
        if (!one.options.has('disabled')) return COMMANDS['selinux']?.step?.(one);
        const edit = "sed -i 's/^SELINUX=.*/SELINUX=disabled/' /etc/selinux/config";
        draft.step(one.at, STEP.run(`if [ -f /etc/selinux/config ]; then ${edit}; fi`));
        return undefined;
      },
    },
    bootloader: {
      ...COMMANDS['bootloader'],
      step: ({ at, options }) => {
        const isNone = options.get('location') === 'none' || options.has('disabled');
        if (isNone) withoutKernel();
        if (options.has('password') || options.has('iscrypted')) {
          return '--password: write the configuration of GRUB in a script of %post';
        }
        const append = (options.get('append') ?? '').split(/\s+/).filter(Boolean);
        const timeout = options.get('timeout');
        if (isNone) return undefined;
        if (timeout !== undefined && /^\d+$/.test(timeout)) {
          const edit = `sed -i 's/^GRUB_TIMEOUT=.*/GRUB_TIMEOUT=${timeout}/' /etc/default/grub`;
          draft.step(at, STEP.run(`${edit}\ngrub2-mkconfig -o /boot/grub2/grub.cfg`));
        }
        if (append.length > 0) draft.step(at, STEP.kernelOptions(append.map(literal)));
        if (options.has('extlinux')) draft.note(at, '--extlinux: ignored, GRUB boots the system');
        return undefined;
      },
    },
    auth: { ignored: 'today’s distributions have authselect, whose default is the same' },
    authconfig: { ignored: 'today’s distributions have authselect, whose default is the same' },
    timesource: { lost: 'write the configuration of chrony in a script of %post' },
  };
}
