// The table's commands on the local store and the shared cache: vlb store and what is below it.

import { JSON_FLAG, LAYERS, PARAM, SECRET } from './shared.ts';
import type { Command } from './types.ts';

const LOOK = {
  json: JSON_FLAG,
  remote: { text: 'use the shared cache instead of the local store' },
} as const;
const SHARE = { json: JSON_FLAG, param: PARAM } as const;

export const STORE = {
  text: 'inspect and clean the store and the shared cache',
  alias: 'cache',
  options: { json: JSON_FLAG },
  examples: [['vlb store gc -n', 'what exceeds the limits']],
} as const satisfies Command;

export const STORE_DU = {
  text: 'show how much space the store uses',
  options: LOOK,
  examples: [
    ['vlb store du', 'how much, and by which project'],
    ['vlb store du --remote', 'how much is in the bucket'],
  ],
} as const satisfies Command;

export const STORE_LS = {
  text: 'list the entries of the store, most recently used first',
  options: {
    claims: { text: 'with --remote: list what other machines are building now' },
    ...LOOK,
  },
  examples: [
    ['vlb store ls --json', 'full digests and keys'],
    ['vlb store ls --remote', 'what other machines can fetch'],
    ['vlb store ls --remote --claims', 'what they are building now'],
  ],
} as const satisfies Command;

export const STORE_GC = {
  text: 'remove entries over the limits, least recently used first',
  options: {
    'max-size': {
      value: 'SIZE',
      text: 'keep at most SIZE, such as 20G, or none (default: cache.max-size of vlb.yaml, or 50G; with --remote none)',
    },
    'max-age': {
      value: 'TIME',
      text: 'remove entries not used (with --remote: pushed) for TIME, such as 30d, or none (default: cache.max-age of vlb.yaml, or 90d; with --remote none)',
    },
    'dry-run': { alias: 'n', text: 'print what would be removed' },
    ...LOOK,
  },
  examples: [
    ['vlb store gc --max-size 20G', 'keep the 20 GiB most recently used'],
    ['vlb store gc --max-size 0 -n', 'everything that is not in use'],
    ['vlb store gc --remote --max-age 90d', 'keep what was pushed in the last 90 days'],
  ],
} as const satisfies Command;

export const STORE_PUSH = {
  text: 'send what is built here to the shared cache',
  arguments: LAYERS,
  options: SHARE,
  examples: [
    ['vlb store push', 'everything that is built here and may be shared'],
    ['vlb store push app', '20_app and what it depends on'],
  ],
} as const satisfies Command;

export const STORE_PULL = {
  text: 'fetch from the shared cache what a build needs',
  arguments: LAYERS,
  options: SHARE,
  examples: [
    ['vlb store pull', 'to build later without a network'],
    ['vlb store pull app', '20_app and what it needs'],
  ],
} as const satisfies Command;

export const STORE_PREFETCH = {
  text: 'do the same for CI: never fail because of the shared cache',
  arguments: LAYERS,
  options: SHARE,
  examples: [['vlb store prefetch', 'report what is not in the cache; it is built later']],
} as const satisfies Command;

export const STORE_VERIFY = {
  text: 'read the whole store, and move damaged entries aside',
  options: {
    rebuild: { value: 'LAYER', text: 'build LAYER again and compare the result, which is then discarded' },
    param: PARAM,
    secret: SECRET,
    json: JSON_FLAG,
  },
  examples: [
    ['vlb store verify', 'exit with status 1 if something is damaged'],
    ['vlb store verify --rebuild 20_app', 'check that 20_app is reproducible'],
  ],
} as const satisfies Command;

export const STORE_CLEAR = {
  text: 'remove everything that no running build uses',
  options: { json: JSON_FLAG },
  examples: [['vlb store clear', 'the next build runs every layer']],
} as const satisfies Command;

export const STORE_KEYGEN = {
  text: 'create a key pair to sign what goes into the shared cache',
  arguments: { file: { value: 'FILE', required: true, text: 'write the private key to the new FILE' } },
  options: { json: JSON_FLAG },
  examples: [['vlb store keygen ~/vlb.key', 'print the public key for vlb.yaml']],
} as const satisfies Command;
