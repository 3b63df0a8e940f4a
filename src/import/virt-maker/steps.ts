// The steps of virt-maker, and the steps of vlb that they amount to.

import type { Result } from '../../model/failure.ts';
import { quoteWord } from '../../util/quote.ts';
import type { Draft } from '../draft.ts';
import type { Source } from '../imported.ts';
import type { StepEntry } from '../layer-yaml.ts';
import { addPassword } from '../passwords.ts';
import { STEP } from '../steps.ts';
import type { Expressions } from './expressions.ts';
import { fieldOf, type Place, type Tree, textOf } from './tree.ts';

export interface StepContext {
  readonly draft: Draft;
  readonly at: Place;
  readonly expressions: Expressions;
  readonly source: Source;
  /** The absolute path of a file that the template names; undefined when there is none. */
  locate(file: string): string | undefined;
}

/** Why a step is not imported; undefined when it is. */
type Fault = string | undefined;
type Translate = (args: Tree, context: StepContext) => Fault;

/** Boots of the disk itself are for what only a running system can do. */
const BOOT = 'vlb boots no disk while it builds; do the same in a run step, or at the first boot';
const WINDOWS = 'for Windows; vlb builds Linux images';

/** By the names of steps. `local_run` is a layer of its own, see import.ts. */
export const STEPS: Readonly<Record<string, Translate>> = {
  run: (args, context) => {
    const text = textOf(args);
    if (text === undefined) return 'must be a command line';
    if (text.startsWith('#!')) return withFixed(text, context, (fixed) => script(fixed, context));
    const { expressions, at, draft } = context;
    return added(expressions.shell(text, at, draft), draft, (command) => STEP.run(command.trimEnd()));
  },
  firstboot: (args, context) => {
    const text = textOf(args);
    if (text === undefined) return 'must be a command line';
    return withFixed(text, context, (fixed) => {
      const { draft } = context;
      const whole = fixed.startsWith('#!') ? fixed : `#!/bin/sh\n${fixed}`;
      draft.step(STEP.firstboot(draft.textFile('firstboot.sh', ended(whole), true)));
    });
  },
  install: (args, { draft, expressions, at }) => {
    const items = args.type === 'list' ? args.items : [args];
    const names = items.map((item) => expressions.kept(textOf(item) ?? '', at, draft));
    const failed = names.find((name) => !name.ok);
    if (failed && !failed.ok) return failed.failure.message;
    draft.step(STEP.install(names.flatMap((name) => (name.ok ? [name.value] : []))));
    return undefined;
  },
  hostname: (args, { draft, expressions, at }) =>
    added(expressions.kept(textOf(args) ?? '', at, draft), draft, STEP.hostname),
  copy: copyStep,
  rootpass: (args, context) => {
    const { draft, at, expressions } = context;
    const selector = expressions.fixed(textOf(args) ?? '');
    return selector.ok ? addPassword(draft, at, 'root', selector.value) : selector.failure.message;
  },
  selinux: (args, { draft, expressions }) => {
    const mode = expressions.fixed(textOf(args) ?? textOf(fieldOf(args, 'mode')) ?? '');
    const relabel = textOf(fieldOf(args, 'relabel'));
    if (!mode.ok) return mode.failure.message;
    const isRelabel = mode.value === 'relabel' || relabel === 'true';
    if (MODES.includes(mode.value)) draft.step(STEP.selinuxMode(mode.value));
    else if (!isRelabel) return `must be ${MODES.join(', ')} or relabel`;
    if (isRelabel) draft.step(STEP.selinuxRelabel());
    return undefined;
  },
  grub_append: (args, { draft, expressions, at }) => {
    const items = args.type === 'list' ? args.items : [args];
    const options = items.map((item) => expressions.kept(textOf(item) ?? '', at, draft));
    const failed = options.find((option) => !option.ok);
    if (failed && !failed.ok) return failed.failure.message;
    draft.step(
      STEP.kernelOptions(options.flatMap((option) => (option.ok ? option.value.split(BLANKS) : []))),
    );
    return undefined;
  },
  sysprep: (_, { draft, at }) => {
    draft.step(STEP.sysprep());
    draft.note(at, "sysprep: vlb's default removes what makes a clone unsafe, and keeps authorized_keys");
    return undefined;
  },
  ssh_keygen: (args, { draft, at, expressions }) => {
    const user = expressions.fixed(textOf(args) ?? '');
    if (!user.ok) return user.failure.message;
    draft.step(STEP.firstboot(draft.textFile('ssh-keygen.sh', keygen(user.value || 'root'), true)));
    draft.note(at, 'ssh_keygen: the key is created at the first boot, so that each machine has its own');
    return undefined;
  },
  inject_qemu_ga: (_, { draft, at }) => {
    draft.step(STEP.guestAgent());
    draft.note(
      at,
      "inject_qemu_ga: installs the distribution's package; the drivers for Windows are not used",
    );
    return undefined;
  },
  inject_virtio_win: () => WINDOWS,
  boot: () => BOOT,
};

/** Not those of `{{ name }}`. */
const BLANKS = /\s+(?![^{}]*\}\})/;
const MODES: readonly string[] = ['enforcing', 'permissive', 'disabled'];
const COPY_FIELDS: readonly string[] = ['dest', 'content', 'simple', 'chmod', 'chown'];

/** copy: the content is the path of a file, or else a text. */
function copyStep(args: Tree, context: StepContext): Fault {
  const { draft, at, expressions, locate, source } = context;
  if (args.type !== 'map') return 'must be a mapping with dest and content';
  for (const [name, field] of args.entries) {
    if (!COPY_FIELDS.includes(name)) draft.lost(field.at, `copy: unknown field ${name}`);
  }
  const to = expressions.kept(textOf(fieldOf(args, 'dest')) ?? '', at, draft);
  const content = textOf(fieldOf(args, 'content')) ?? '';
  const place = expressions.fixed(content);
  if (!to.ok) return to.failure.message;
  if (!place.ok) return place.failure.message;
  if (!to.value.startsWith('/')) return 'dest must be an absolute path';
  const mode = modeOf(textOf(fieldOf(args, 'chmod')));
  const owner = textOf(fieldOf(args, 'chown'));
  if (mode === null) return 'chmod must be an octal mode';
  const local = place.value.includes('\n') ? undefined : locate(place.value);
  if (local !== undefined && source.status(local)?.type === 'file') {
    const own = source.status(local)?.mode;
    draft.step(STEP.copy({ from: draft.copiedFile(local), to: to.value, mode: mode ?? own, owner }));
    return undefined;
  }
  const text = expressions.kept(content, at, draft);
  return added(text, draft, (value) => STEP.write({ path: to.value, content: value, mode, owner }));
}

/** Digits that were written for chmod(1). Undefined without a mode, null for what is not one. */
function modeOf(given: string | undefined): string | undefined | null {
  if (given === undefined) return undefined;
  const [, digits] = /^0?o?([0-7]{3,4})$/.exec(given) ?? [];
  return digits === undefined ? null : digits.padStart(4, '0');
}

function script(text: string, { draft }: StepContext): void {
  draft.step(STEP.script(draft.textFile('script', ended(text), true)));
}

function keygen(user: string): string {
  const command = 'mkdir -p -m 0700 ~/.ssh && ssh-keygen -q -t rsa -b 2048 -N "" -f ~/.ssh/id_rsa';
  return `#!/bin/sh\nset -eu\nsu - ${quoteWord(user)} -c '${command}'\n`;
}

/** Calls `use` with a text in which all values are, and notes that it has them. */
function withFixed(
  text: string,
  { draft, at, expressions }: StepContext,
  use: (fixed: string) => void,
): Fault {
  const fixed = expressions.fixed(text);
  if (!fixed.ok) return fixed.failure.message;
  if (fixed.value !== text) draft.note(at, 'evaluated once, with the values of params and functions of now');
  use(fixed.value);
  return undefined;
}

function added(text: Result<string>, draft: Draft, step: (text: string) => StepEntry): Fault {
  if (!text.ok) return text.failure.message;
  draft.step(step(text.value));
  return undefined;
}

function ended(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
