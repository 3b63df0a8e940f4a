// The steps of virt-maker, and the steps of vlb that they amount to.

import { ok, type Result } from '../../model/failure.ts';
import type { Draft, StepEntry } from '../../translate/draft.ts';
import { addPassword } from '../../translate/passwords.ts';
import { STEP } from '../../translate/steps.ts';
import { quoteWord } from '../../util/quote.ts';
import type { Source } from '../imported.ts';
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
    if (text.startsWith('#!')) {
      return withFixed(text, context, (fixed) =>
        STEP.script(context.draft.textFile('script', ended(fixed), true)),
      );
    }
    const { expressions, at, draft } = context;
    return added(expressions.shell(text, at, draft), context, (command) => STEP.run(command.trimEnd()));
  },
  firstboot: (args, context) => {
    const text = textOf(args);
    if (text === undefined) return 'must be a command line';
    return withFixed(text, context, (fixed) => {
      const { draft } = context;
      return fixed.startsWith('#!')
        ? STEP.firstboot(draft.textFile('firstboot', ended(fixed), true))
        : STEP.firstbootCommand(fixed.trimEnd());
    });
  },
  install: (args, context) => added(listOf(args, context), context, STEP.install),
  hostname: hostnameStep,
  copy: copyStep,
  rootpass: (args, context) => {
    const { draft, at, expressions } = context;
    const selector = expressions.fixed(textOf(args) ?? '');
    return selector.ok ? addPassword(draft, at, 'root', selector.value) : selector.failure.message;
  },
  selinux: (args, { draft, expressions, at }) => {
    const mode = expressions.fixed(textOf(args) ?? textOf(fieldOf(args, 'mode')) ?? '');
    if (!mode.ok) return mode.failure.message;
    const isMode = MODES.includes(mode.value);
    if (mode.value === 'relabel' || textOf(fieldOf(args, 'relabel')) === 'true') {
      draft.step(at, STEP.selinuxRelabel(isMode ? mode.value : undefined));
      return undefined;
    }
    if (!isMode) return `must be ${MODES.join(', ')} or relabel`;
    draft.step(at, STEP.selinuxMode(mode.value));
    return undefined;
  },
  grub_append: (args, context) =>
    added(listOf(args, context), context, (options) =>
      STEP.kernelOptions(options.flatMap((option) => option.split(BLANKS))),
    ),
  sysprep: (_, { draft, at }) => {
    draft.step(at, STEP.sysprep());
    draft.note(at, "sysprep: vlb's default removes what makes a clone unsafe, and keeps authorized_keys");
    return undefined;
  },
  ssh_keygen: (args, { draft, at, expressions }) => {
    const user = expressions.fixed(textOf(args) ?? '');
    if (!user.ok) return user.failure.message;
    draft.step(at, STEP.firstboot(draft.textFile('ssh-keygen.sh', keygen(user.value || 'root'), true)));
    draft.note(at, 'ssh_keygen: the key is created at the first boot, so that each machine has its own');
    return undefined;
  },
  inject_qemu_ga: (_, { draft, at }) => {
    draft.step(at, STEP.guestAgent());
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
    draft.step(at, STEP.copy({ from: draft.copiedFile(local), to: to.value, mode: mode ?? own, owner }));
    return undefined;
  }
  const text = expressions.kept(content, at, draft);
  return added(text, context, (value) => STEP.write({ path: to.value, content: value, mode, owner }));
}

/** Digits that were written for chmod(1). Undefined without a mode, null for what is not one. */
function modeOf(given: string | undefined): string | undefined | null {
  if (given === undefined) return undefined;
  const [, digits] = /^0?o?([0-7]{3,4})$/.exec(given) ?? [];
  return digits === undefined ? null : digits.padStart(4, '0');
}

function keygen(user: string): string {
  const command = 'mkdir -p -m 0700 ~/.ssh && ssh-keygen -q -t rsa -b 2048 -N "" -f ~/.ssh/id_rsa';
  return `#!/bin/sh\nset -eu\nsu - ${quoteWord(user)} -c '${command}'\n`;
}

/** Adds the step for a text in which all values are, and notes that it has them. */
function withFixed(text: string, context: StepContext, step: (fixed: string) => StepEntry): Fault {
  const { draft, at, expressions } = context;
  const fixed = expressions.fixed(text);
  if (fixed.ok && fixed.value !== text) {
    draft.note(at, 'evaluated once, with the values of params and functions of now');
  }
  return added(fixed, context, step);
}

function added<T>(value: Result<T>, { draft, at }: StepContext, step: (value: T) => StepEntry): Fault {
  if (!value.ok) return value.failure.message;
  draft.step(at, step(value.value));
  return undefined;
}

/** The words of a list, or of one word. */
function listOf(args: Tree, { draft, at, expressions }: StepContext): Result<readonly string[]> {
  const words: string[] = [];
  for (const item of args.type === 'list' ? args.items : [args]) {
    const word = expressions.kept(textOf(item) ?? '', at, draft);
    if (!word.ok) return word;
    words.push(word.value);
  }
  return ok(words);
}

/** hostname: virt-maker takes names with underscores, which host names do not have, and systemd does not use. */
function hostnameStep(args: Tree, context: StepContext): Fault {
  const { draft, at, expressions } = context;
  const text = textOf(args) ?? '';
  const name = expressions.kept(text, at, draft);
  const fixed = expressions.fixed(text);
  if (!name.ok || !fixed.ok || !fixed.value.includes('_')) return added(name, context, STEP.hostname);
  draft.note(at, 'hostname: underscores are not valid in a host name, and become dashes');
  const parts = name.value.split(/(\{\{ \w+ \}\})/);
  const dashed = parts.map((part, index) =>
    index % 2 === 0 ? part.replaceAll('_', '-') : part.replace(' }}', " | replace('_', '-') }}"),
  );
  draft.step(at, STEP.hostname(dashed.join('')));
  return undefined;
}

function ended(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
