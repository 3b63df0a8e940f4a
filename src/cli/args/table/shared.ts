// The options that all commands or several of them have.

import type { Argument, Option } from './types.ts';

export const EVERYWHERE = {
  C: {
    value: 'DIR',
    text: 'use the project in DIR (default: here or above)',
  },
  'cache-dir': { value: 'DIR', text: 'keep the store in DIR (also VLB_CACHE_DIR)' },
  cache: {
    value: 'USE',
    text: 'USE of the shared cache: remote:rw, remote:r or remote:off (also VLB_CACHE)',
  },
  color: { text: 'color the output, even if it is not a terminal' },
  'no-color': { text: 'do not color the output (also NO_COLOR)' },
  trace: { value: 'FILE', text: 'write a trace for bug reports to FILE' },
  debug: { text: 'print a stack trace on internal errors' },
  version: { text: 'print the version' },
  help: { alias: 'h', text: 'print help' },
} as const satisfies Record<string, Option>;

const LAYER_TEXT = 'LAYER with its number (20_app) or without (app), its directory, or an image of vlb.yaml';

export const LAYERS = {
  layer: { value: 'LAYER', rest: true, text: LAYER_TEXT },
} as const satisfies Record<string, Argument>;

export const ONE_LAYER = {
  layer: { value: 'LAYER', required: true, text: LAYER_TEXT },
} as const satisfies Record<string, Argument>;

export const JSON_FLAG = { text: 'print JSON' } as const satisfies Option;

export const PARAM = {
  alias: 'p',
  value: 'NAME=VALUE',
  list: true,
  text: 'set parameter NAME of the layers with "# vlb: param NAME" (repeatable)',
} as const satisfies Option;

export const SECRET = {
  value: 'NAME=FILE',
  list: true,
  text: 'pass FILE as secret NAME to layers with "# vlb: secret NAME"; NAME alone passes that environment variable (repeatable)',
} as const satisfies Option;

export const NBD = {
  value: 'DEVICE',
  list: true,
  text: 'attach disks as DEVICE of nbd (repeatable)',
} as const satisfies Option;

export const BACKEND = {
  value: 'WORD',
  choices: ['fuse', 'nbd', 'vm'],
  text: 'run layers by WORD: vm needs no root (also VLB_BACKEND)',
} as const satisfies Option;

export const JOBS = {
  alias: 'j',
  value: 'N',
  number: true,
  text: 'run at most N layers at once (default: number of processors)',
} as const satisfies Option;

export const KEEP_GOING = {
  alias: 'k',
  text: 'after a failure, build all layers that do not depend on the failed one',
} as const satisfies Option;

export const FLATTEN = {
  text: 'write build/image.qcow2 as one flat file',
} as const satisfies Option;

export const PROGRESS = {
  value: 'WORD',
  choices: ['auto', 'tty', 'plain', 'quiet', 'json'],
  default: 'auto',
  text: 'show progress as WORD',
} as const satisfies Option;
