// What each command of a kickstart becomes in a layer on top of an image: steps, a note why it has no meaning there, or what to use in its
// place. The commands are those of pykickstart, with the words that older versions had.

import { argumentsOf } from '../../kickstart/words.ts';
import type { Draft, StepEntry } from '../draft.ts';
import { addPassword } from '../passwords.ts';
import { literal, STEP } from '../steps.ts';

export interface Given {
  readonly draft: Draft;
  /** The place and the name of the command, for notes. */
  readonly at: string;
  readonly options: ReadonlyMap<string, string>;
  readonly others: readonly string[];
}

export interface Rule {
  /** The options whose value may be the next word. */
  readonly valued?: readonly string[];
  /** Adds its steps. Returns why it is not valid, if it is not. */
  step?(given: Given): string | undefined;
  /** Why it means nothing when an image is built. */
  readonly ignored?: string;
  /** Why vlb does not take it, and what to use. */
  readonly lost?: string;
}

/** The words of a list with commas. */
export const listOf = (value: string | undefined) =>
  (value ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
/** A rule's step that is always one, or a text: why it is not valid. */
function one(add: (given: Given) => StepEntry | string): NonNullable<Rule['step']> {
  return (given) => {
    const step = add(given);
    if (typeof step === 'string') return step;
    given.draft.step(given.at, step);
    return undefined;
  };
}

const INSTALLER = 'of the installer, which does not run';
const EMPTY_DISK = 'the disk of the layer below is used as it is';
const STORAGE =
  'the disk is that of the image below; a layer with "system" makes one from nothing, see docs/systems.md';
const MEDIUM = 'packages come from the repositories of the image';
const DEVICES = 'a device of one machine is not part of an image; use a firstboot step';

export const COMMANDS: Readonly<Record<string, Rule>> = {
  lang: { valued: ['addsupport'], step: one(({ others }) => ({ locale: localeOf(others[0] ?? '') })) },
  keyboard: {
    valued: ['vckeymap', 'xlayouts', 'switch'],
    step: one(({ options, others }) => ({
      keymap: literal(options.get('vckeymap') || others[0] || options.get('xlayouts')?.split(',')[0] || ''),
    })),
  },
  timezone: {
    valued: ['ntpservers'],
    step({ draft, at, options, others }) {
      draft.step(at, STEP.timezone(others[0] ?? ''));
      if (options.has('ntpservers'))
        draft.lost(at, '--ntpservers: write the configuration of chrony in a step');
      return undefined;
    },
  },
  timesource: { lost: 'write the configuration of chrony in a step' },
  rootpw: {
    step({ draft, at, options, others }) {
      const [word] = others;
      if (options.has('lock') || word === undefined) {
        return addPassword(draft, at, 'root', 'locked');
      }
      if (!options.has('iscrypted')) return addPassword(draft, at, 'root', 'password:');
      // Such as `nope`, which no password has as its hash.
      if (!word.startsWith('$')) return addPassword(draft, at, 'root', 'locked');
      draft.lastStep(at, { 'root-password': { hash: literal(word) } });
      return undefined;
    },
  },
  user: {
    valued: ['name', 'groups', 'homedir', 'password', 'shell', 'uid', 'gid', 'gecos'],
    step({ draft, at, options }) {
      const name = options.get('name');
      if (!name) return 'requires --name';
      draft.step(at, { user: accountOf(name, options) });
      if (options.has('lock')) return undefined;
      const password = options.get('password');
      if (password === undefined) return undefined;
      if (!options.has('iscrypted')) return addPassword(draft, at, name, 'password:');
      draft.lastStep(at, { password: { user: name, password: { hash: literal(password) } } });
      return undefined;
    },
  },
  group: {
    valued: ['name', 'gid'],
    step: one(({ options }) => {
      const [name, gid] = [options.get('name'), options.get('gid')];
      if (!name) return 'requires --name';
      return { group: gid ? { name, gid } : name };
    }),
  },
  sshkey: {
    valued: ['username'],
    step: one(({ options, others }) => {
      const user = options.get('username');
      return user ? STEP.sshKey(user, literal(others.join(' '))) : 'requires --username';
    }),
  },
  network: {
    valued: [
      'bootproto',
      'device',
      'ip',
      'netmask',
      'gateway',
      'nameserver',
      'hostname',
      'onboot',
      'interfacename',
    ],
    step: networkSteps,
  },
  firewall: {
    valued: ['port', 'service', 'trust', 'remove-service'],
    step: one(({ options }) => {
      if (options.has('disabled') || options.has('disable')) return { service: { disable: 'firewalld' } };
      if (options.has('use-system-defaults')) return { service: { enable: 'firewalld' } };
      const services = [
        ...['ssh', 'http', 'ftp', 'smtp', 'telnet'].filter((name) => options.has(name)),
        ...listOf(options.get('service')),
      ];
      const words = [
        ...services.map((name) => `--add-service=${name}`),
        ...listOf(options.get('port')).map((port) => `--add-port=${port.replace(':', '/')}`),
        ...listOf(options.get('remove-service')).map((name) => `--remove-service=${name}`),
      ];
      if (words.length === 0) return { service: { enable: 'firewalld' } };
      return STEP.program('firewall-offline-cmd', ...words);
    }),
  },
  selinux: {
    step: one(({ options }) => {
      const [mode] = ['enforcing', 'permissive', 'disabled'].filter((name) => options.has(name));
      return mode === undefined ? 'requires --enforcing, --permissive or --disabled' : STEP.selinuxMode(mode);
    }),
  },
  services: {
    valued: ['enabled', 'disabled'],
    step: one(({ options }) => {
      const [enable, disable] = [listOf(options.get('enabled')), listOf(options.get('disabled'))];
      return {
        service: { ...(enable.length > 0 ? { enable } : {}), ...(disable.length > 0 ? { disable } : {}) },
      };
    }),
  },
  bootloader: {
    valued: ['append', 'location', 'timeout', 'driveorder', 'boot-drive', 'password', 'default'],
    step({ draft, at, options }) {
      const words = (options.get('append') ?? '').split(/\s+/).filter(Boolean);
      if (words.length > 0) draft.step(at, STEP.kernelOptions(words.map(literal)));
      const others = [...options.keys()].filter(
        (name) => !['append', 'location', 'boot-drive', 'driveorder'].includes(name),
      );
      if (others.length > 0) {
        draft.lost(at, `--${others.join(', --')}: the boot loader is that of the image below`);
      }
      return undefined;
    },
  },
  authselect: {
    step: one(({ others, options }) =>
      STEP.program('authselect', ...others, ...[...options.keys()].map((name) => `--${name}`)),
    ),
  },
  module: {
    valued: ['name', 'stream'],
    step: one(({ options }) => {
      const [name, stream] = [options.get('name'), options.get('stream')];
      if (!name) return 'requires --name';
      const verb = options.has('disable') ? 'disable' : 'enable';
      return STEP.program('dnf', '-y', 'module', verb, stream ? `${name}:${stream}` : name);
    }),
  },
  xconfig: {
    step({ draft, at, options }) {
      if (options.has('startxonboot')) draft.step(at, { run: 'systemctl set-default graphical.target' });
      return undefined;
    },
  },
  eula: { ignored: INSTALLER },
  firstboot: { ignored: INSTALLER },
  ...Object.fromEntries(
    (
      'text graphical cmdline install upgrade interactive autostep skipx reboot shutdown poweroff halt logging ' +
      'vnc rdp sshpw mediacheck unsupported_hardware lilocheck monitor mouse langsupport rescue updates driverdisk ' +
      'method deviceprobe device'
    )
      .split(' ')
      .map((name): [string, Rule] => [name, { ignored: INSTALLER }]),
  ),
  ...Object.fromEntries(
    ['clearpart', 'zerombr', 'ignoredisk', 'bootdisk'].map((name): [string, Rule] => [
      name,
      { ignored: EMPTY_DISK },
    ]),
  ),
  ...Object.fromEntries(
    [
      'part',
      'partition',
      'volgroup',
      'logvol',
      'raid',
      'btrfs',
      'autopart',
      'reqpart',
      'mount',
      'snapshot',
    ].map((name): [string, Rule] => [name, { lost: STORAGE }]),
  ),
  ...Object.fromEntries(
    ['url', 'cdrom', 'nfs', 'harddrive', 'hmc', 'liveimg'].map((name): [string, Rule] => [
      name,
      { lost: MEDIUM },
    ]),
  ),
  repo: { lost: 'add it with a repository step, which needs its key; or it is in the image already' },
  ...Object.fromEntries(
    ['ostreesetup', 'ostreecontainer', 'bootc'].map((name): [string, Rule] => [
      name,
      {
        lost: 'an image of packages cannot become one of commits: take an image that is made of them as the base',
      },
    ]),
  ),
  ...Object.fromEntries(
    ['iscsi', 'iscsiname', 'fcoe', 'zfcp', 'nvdimm', 'multipath', 'dmraid', 'zipl'].map(
      (name): [string, Rule] => [name, { lost: DEVICES }],
    ),
  ),
  realm: { lost: 'joining a domain needs its servers: use a firstboot step with "network"' },
  rhsm: { lost: 'a subscription belongs to one machine: use a firstboot step with "network"' },
  syspurpose: { lost: 'run syspurpose in a step' },
  auth: { lost: 'authconfig is gone from today’s distributions: use "authselect" in a run step' },
  authconfig: { lost: 'authconfig is gone from today’s distributions: use "authselect" in a run step' },
};

/** `en_US` means `en_US.UTF-8` since all locales are that. */
function localeOf(given: string): string {
  const [plain = ''] = given.split('@');
  return /^[a-z]{2,3}_[A-Z]{2}$/.test(plain) ? `${plain}.UTF-8` : plain.replace(/\.utf-?8$/i, '.UTF-8');
}

function accountOf(name: string, options: ReadonlyMap<string, string>): Readonly<Record<string, unknown>> {
  const groups = listOf(options.get('groups')).map((group) => group.replace(/\s*\(.*\)$/, ''));
  const field = (key: string, option: string) => {
    const value = options.get(option);
    return value ? { [key]: literal(value) } : {};
  };
  return {
    name,
    ...field('uid', 'uid'),
    ...(groups.length > 0 ? { groups } : {}),
    ...field('comment', 'gecos'),
    ...field('home', 'homedir'),
    ...field('shell', 'shell'),
    ...(options.has('lock') ? { locked: true } : {}),
  };
}

function networkSteps({ draft, at, options }: Given): string | undefined {
  const hostname = options.get('hostname');
  if (hostname) draft.step(at, STEP.hostname(literal(hostname)));
  const protocol = options.get('bootproto') ?? (options.has('ip') ? 'static' : 'dhcp');
  const device = options.get('device');
  const named = device && /^[a-z][a-z0-9]*$/.test(device) && device !== 'link' ? { interface: device } : {};
  const unknown = ['bondslaves', 'teamslaves', 'bridgeslaves', 'vlanid', 'essid'].filter((name) =>
    options.has(name),
  );
  if (unknown.length > 0) {
    draft.lost(at, `--${unknown.join(', --')}: write the configuration of the network in a step`);
    return undefined;
  }
  if (protocol !== 'static') {
    const isOnly = hostname && [...options.keys()].length === 1;
    if (!isOnly) draft.step(at, { network: { ...named, dhcp: true } });
    return undefined;
  }
  const prefix = prefixOf(options.get('netmask') ?? '');
  if (prefix === undefined) return `--netmask=${options.get('netmask') ?? ''} is not a network mask`;
  const [gateway, dns] = [options.get('gateway'), listOf(options.get('nameserver'))];
  const address = `${options.get('ip') ?? ''}/${prefix}`;
  draft.step(at, {
    network: { ...named, address, ...(gateway ? { gateway } : {}), ...(dns.length > 0 ? { dns } : {}) },
  });
  return undefined;
}

/** The length of the prefix of `255.255.255.0`; undefined for what is not a mask. */
function prefixOf(mask: string): number | undefined {
  const bits = mask
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) && bits.length === 32 ? bits.replace(/0+$/, '').length : undefined;
}

/** The arguments of a command by its rule. */
export function argumentsBy(rule: Rule, words: readonly string[]): Pick<Given, 'options' | 'others'> {
  return argumentsOf(words, rule.valued ?? []);
}
