// The steps that imports write: the arguments of each verb, in one place.

import { quoteCommand } from '../util/quote.ts';
import type { StepEntry } from './draft.ts';

export interface CopiedFile {
  /** Of the layer, `./name`. */
  readonly from: string;
  /** Of the image; a file or directory of that name. */
  readonly to: string;
  readonly mode?: string | undefined;
  readonly owner?: string | undefined;
}

export interface WrittenFile {
  readonly path: string;
  readonly content: string;
  readonly mode?: string | undefined;
  readonly owner?: string | undefined;
}

/** A step for each verb. Texts that a layer.yaml renders have been made literal, see `literal`. */
export const STEP = {
  /** With what is recommended, which apt-get and dnf install by default. */
  install: (packages: readonly string[]) => ({ install: { packages, recommends: true } }),
  uninstall: (packages: readonly string[]) => ({ uninstall: packages }),
  update: () => ({ update: 'all' }),
  copy: (file: CopiedFile) => ({ copy: withoutUndefined(file) }),
  write: (file: WrittenFile) => ({ write: withoutUndefined(file) }),
  append: (path: string, line: string) => ({ append: { path, line } }),
  delete: (path: string) => ({ delete: path }),
  mkdir: (path: string) => ({ mkdir: path }),
  move: (from: string, to: string) => ({ move: { from, to } }),
  link: (path: string, target: string) => ({ link: { path, target } }),
  chmod: (path: string, mode: string) => ({ chmod: { path, mode } }),
  chown: (path: string, owner: string) => ({ chown: { path, owner } }),
  touch: (path: string) => ({ touch: path }),
  truncate: (path: string) => ({ truncate: path }),
  truncateTree: (path: string) => ({ truncate: { path, recursive: true } }),
  edit: (path: string, match: string, replace: string) => ({ edit: { path, match, replace } }),
  run: (command: string) => ({ run: command }),
  script: (file: string) => ({ script: file }),
  firstboot: (file: string) => ({ firstboot: file }),
  firstbootCommand: (command: string) => ({ firstboot: { command } }),
  /** Waits until the machine is online. */
  firstbootOnline: (script: string) => ({ firstboot: { script, network: true } }),
  hostname: (name: string) => ({ hostname: name }),
  timezone: (zone: string) => ({ timezone: zone }),
  selinuxMode: (mode: string) => ({ selinux: mode }),
  selinuxRelabel: (mode: string | undefined) => ({
    selinux: { ...(mode === undefined ? {} : { mode }), relabel: true },
  }),
  kernelOptions: (options: readonly string[]) => ({ 'kernel-options': options }),
  guestAgent: () => ({ 'guest-agent': 'qemu' }),
  sysprep: () => ({ sysprep: 'default' }),
  /** @param key a public key, or a file of the layer */
  sshKey: (user: string, key: string) => ({ 'ssh-key': { user, key } }),
  /** The program's words are quoted for the shell. */
  program: (...words: readonly string[]) => ({ run: quoteCommand(words) }),
} as const satisfies Readonly<Record<string, (...args: never[]) => StepEntry>>;

/**
 * A text as a layer.yaml has to have it, where `{{` begins a value, so that it stays as it is. Command lines of `run` are not
 * rendered and need none of this.
 */
export function literal(text: string): string {
  return text.replaceAll(/\{(?=\{)/g, "{{ '{' }}");
}

function withoutUndefined(fields: object): StepEntry {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
