// sysprep: takes out of an image what belongs to one machine.

import * as v from 'valibot';
import { ok } from '../../model/failure.ts';
import { guessHint } from '../../util/nearest.ts';
import { asList, mapping, oneOf, oneOrMany } from '../fields.ts';
import { NOT_SUPPORTED, type Operation } from '../sysprep/operation.ts';
import { OPERATIONS } from '../sysprep/registry.ts';
import { defineVerb } from '../verb.ts';

const GROUPS = [...new Set(OPERATIONS.map(({ group }) => group))];
const NAMES = [...new Set(['default', ...GROUPS, ...OPERATIONS.map(({ name }) => name)])];

const NAME = v.pipe(
  v.string('must be the name of an operation'),
  v.check(
    (given) => NAMES.includes(given) || NOT_SUPPORTED.has(given),
    ({ input }) =>
      `unknown operation "${input}" (${guessHint(String(input), NAMES, `groups: default, ${GROUPS.join(', ')}`)})`,
  ),
);

/** What is not supported is not done anyway, so it can be excluded. */
const WANTED = v.pipe(
  NAME,
  v.check(
    (given) => !NOT_SUPPORTED.has(given),
    ({ input }) => `"${input}" is not supported: ${NOT_SUPPORTED.get(String(input))}`,
  ),
);

const RULE = 'must be default, or a mapping with "only" or "except"';

const SCHEMA = oneOf(RULE, [
  v.literal('default', RULE),
  mapping({
    only: v.optional(oneOrMany('must be the name of an operation', WANTED)),
    except: v.optional(oneOrMany('must be the name of an operation', NAME)),
  }),
]);

export const SYSPREP = defineVerb({
  name: 'sysprep',
  summary:
    'Makes an image safe to clone: takes its machine-id, SSH host keys, seeds, leases, logs, histories, caches and the like, by operations and groups of operations of virt-sysprep. What the image does not have is skipped. `only: [default, user-account]` adds an operation',
  examples: [
    'sysprep: default',
    'sysprep: { except: [logfiles, cron-spool] }',
    'sysprep: { only: [machine-id, ssh-hostkeys] }',
  ],
  schema: SCHEMA,
  title: (args) =>
    args === 'default'
      ? ''
      : Object.entries(args)
          .map(([name, given]) => [name, ...asList(given)].join(' '))
          .join(' '),
  compile(args) {
    const { only = 'default', except } = args === 'default' ? {} : args;
    const chosen = OPERATIONS.filter(
      (operation) => isNamed(operation, asList(only)) && !isNamed(operation, asList(except)),
    );
    return ok({
      shell: chosen.map(({ name, takes, shell }) => `# ${name}: ${takes}\n${shell}`).join('\n\n'),
    });
  },
});

function isNamed({ name, group, isDefault }: Operation, names: readonly string[]): boolean {
  return names.includes(name) || names.includes(group) || (isDefault && names.includes('default'));
}
