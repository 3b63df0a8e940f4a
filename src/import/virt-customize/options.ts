// The options of virt-customize(1), of 1.40 to 1.57, and what each becomes.

import type { StepEntry } from '../../translate/draft.ts';
import { addPassword } from '../../translate/passwords.ts';
import { literal, STEP } from '../../translate/steps.ts';
import {
  copyStep,
  editStep,
  type Fault,
  installAtBoot,
  type OptionContext,
  placeIn,
  scriptStep,
  sshKeyStep,
  unpackStep,
  uploadStep,
} from './option-steps.ts';

/** An option. Those with `value` take one, of this form. */
export interface OptionRule {
  readonly value?: string;
  /** Translates the value. */
  readonly step?: (value: string, context: OptionContext) => Fault;
  /** Why vlb has no equal. */
  readonly lost?: string;
  /** What is different in vlb. */
  readonly note?: string;
  /** The value may be a password. */
  readonly isSecret?: true;
}

/** An option whose value is one word for a step. */
function one(value: string, step: (given: string) => StepEntry): OptionRule {
  return {
    value,
    step(given, { draft, at }) {
      draft.step(at, step(given));
      return undefined;
    },
  };
}

/** An option whose value has two parts, divided by its first colon. */
function two(
  value: string,
  step: (first: string, second: string, context: OptionContext) => StepEntry | Fault,
): OptionRule {
  return {
    value,
    step(given, context) {
      const colon = given.indexOf(':');
      if (colon < 1) return `must be ${value}`;
      const made = step(given.slice(0, colon), given.slice(colon + 1), context);
      if (typeof made === 'object') context.draft.step(context.at, made);
      return typeof made === 'string' ? made : undefined;
    },
  };
}

function packages(step: (names: readonly string[]) => StepEntry): OptionRule {
  return one('PKG,PKG..', (given) => step(given.split(',').filter((name) => name !== '')));
}

const LIBGUESTFS = 'an option of libguestfs, which vlb does not use';
const WINDOWS = 'for Windows; vlb builds Linux images';
const LABELS = 'vlb always labels the files that a layer wrote, where the image has SELinux';
const ENCRYPTED = 'vlb opens no encrypted disks here';
const SUBSCRIPTION = 'use a run step with subscription-manager, and a secret';

/** The rules by the long names of options. */
export const OPTIONS: Readonly<Record<string, OptionRule>> = {
  'append-line': two('FILE:LINE', (file, line) => STEP.append(literal(file), literal(line))),
  chmod: two('PERMISSIONS:FILE', (mode, file) => {
    // As in C, octal only with a zero in front.
    const number = mode.startsWith('0') ? Number.parseInt(mode, 8) : Number(mode);
    if (!/^(0[0-7]*|[1-9]\d*)$/.test(mode) || number > 0o7777) return 'must be PERMISSIONS:FILE';
    return STEP.chmod(literal(file), `0${number.toString(8).padStart(3, '0')}`);
  }),
  chown: {
    value: 'UID:GID:PATH',
    step(given, { draft, at }) {
      const [, owner, file] = /^(\d+:\d+):([\s\S]+)$/.exec(given) ?? [];
      if (owner === undefined || file === undefined) return 'must be UID:GID:PATH';
      draft.step(at, STEP.chown(literal(file), owner));
      return undefined;
    },
  },
  copy: two('SOURCE:DEST', (from, to) => STEP.program('cp', '-a', '--', from, to)),
  'copy-in': two('LOCALPATH:REMOTEDIR', (local, directory, context) =>
    copyStep(local, placeIn(directory, local), context, false),
  ),
  delete: one('PATH', (file) => STEP.delete(literal(file))),
  edit: two('FILE:EXPR', editStep),
  link: {
    value: 'TARGET:LINK[:LINK..]',
    step(given, { draft, at }) {
      const [target = '', ...links] = given.split(':');
      if (target === '' || links.length === 0) return 'must be TARGET:LINK[:LINK..]';
      for (const link of links) draft.step(at, STEP.link(literal(link), literal(target)));
      return undefined;
    },
  },
  mkdir: one('DIR', (directory) => STEP.mkdir(literal(directory))),
  move: two('SOURCE:DEST', (from, to) => STEP.move(literal(from), literal(to))),
  scrub: {
    ...one('FILE', (file) => STEP.delete(literal(file))),
    note: 'the file is deleted and not overwritten: the layers below still have it',
  },
  'tar-in': two('TARFILE:REMOTEDIR', unpackStep),
  touch: one('FILE', (file) => STEP.touch(literal(file))),
  truncate: one('FILE', (file) => STEP.truncate(literal(file))),
  'truncate-recursive': one('PATH', (directory) => STEP.truncateTree(literal(directory))),
  upload: two('FILE:DEST', uploadStep),
  write: two('FILE:CONTENT', (file, content) =>
    STEP.write({ path: literal(file), content: literal(content) }),
  ),

  run: { value: 'SCRIPT', step: (file, context) => scriptStep(file, context, STEP.script) },
  'run-command': one("'CMD+ARGS'", STEP.run),
  firstboot: { value: 'SCRIPT', step: (file, context) => scriptStep(file, context, STEP.firstboot) },
  'firstboot-command': one("'CMD+ARGS'", STEP.firstbootCommand),
  'firstboot-install': {
    value: 'PKG,PKG..',
    step(given, { draft, at }) {
      const file = draft.textFile('install.sh', installAtBoot(given.split(',')), true);
      draft.step(at, STEP.firstbootOnline(file));
      return undefined;
    },
  },

  install: packages((names) => STEP.install(names.map(literal))),
  uninstall: packages((names) => STEP.uninstall(names.map(literal))),
  update: {
    step(_, { draft, at }) {
      draft.step(at, STEP.update());
      return undefined;
    },
  },

  hostname: one('HOSTNAME', (name) => STEP.hostname(literal(name))),
  timezone: one('TIMEZONE', (zone) => STEP.timezone(literal(zone))),
  password: {
    ...two('USER:SELECTOR', (user, selector, { draft, at }) =>
      addPassword(draft, `${at} ${user}`, user, selector),
    ),
    isSecret: true,
  },
  'root-password': {
    value: 'SELECTOR',
    step: (selector, { draft, at }) => addPassword(draft, at, 'root', selector),
    isSecret: true,
  },
  'password-crypto': { value: 'METHOD', note: 'vlb hashes passwords with SHA-512' },
  'ssh-inject': { value: 'USER[:SELECTOR]', step: sshKeyStep },

  'selinux-relabel': { note: LABELS },
  'no-selinux-relabel': { lost: LABELS },
  'no-logfile': { note: 'vlb leaves no log in the image' },
  'inject-blnsvr': { value: 'METHOD', lost: WINDOWS },
  'inject-virtio-win': { value: 'METHOD', lost: WINDOWS },
  'inject-qemu-ga': { value: 'METHOD', lost: `${WINDOWS}: a guest-agent step installs the agent` },
  'sm-attach': { value: 'SELECTOR', lost: SUBSCRIPTION },
  'sm-credentials': { value: 'SELECTOR', lost: SUBSCRIPTION, isSecret: true },
  'sm-register': { lost: SUBSCRIPTION },
  'sm-remove': { lost: SUBSCRIPTION },
  'sm-unregister': { lost: SUBSCRIPTION },

  attach: { value: 'ISO', lost: 'copy the files into the layer' },
  'attach-format': { value: 'FORMAT', lost: 'it belongs to --attach' },
  color: {},
  connect: { value: 'URI', lost: 'vlb does not use libvirt here' },
  domain: { value: 'DOMAIN', lost: 'set base in vlb.yaml to a copy of its disk' },
  'dry-run': { note: 'vlb plan shows what a build would do' },
  'echo-keys': { lost: ENCRYPTED },
  format: { value: 'FORMAT', note: 'vlb recognizes the format of a base by its content' },
  help: {},
  key: { value: 'SELECTOR', lost: ENCRYPTED, isSecret: true },
  'keys-from-stdin': { lost: ENCRYPTED },
  'machine-readable': {},
  memsize: { value: 'MB', lost: LIBGUESTFS },
  network: {},
  'no-network': {
    step: (_, { draft }) => {
      draft.withoutNetwork();
      return undefined;
    },
  },
  quiet: {},
  smp: { value: 'VCPUS', lost: LIBGUESTFS },
  verbose: {},
  version: {},
  wrap: {},
  x: {},

  // The disk, and more options, which import.ts reads.
  add: { value: 'FILE' },
  'commands-from-file': { value: 'FILE' },
};

/** Other forms of options. */
export const ALIASES: Readonly<Record<string, string>> = {
  a: 'add',
  c: 'connect',
  d: 'domain',
  m: 'memsize',
  n: 'dry-run',
  dryrun: 'dry-run',
  q: 'quiet',
  v: 'verbose',
  V: 'version',
  colors: 'color',
  // The British spellings, too.
  ...Object.fromEntries(['our', 'ours'].map((end) => [`col${end}`, 'color'])),
};
