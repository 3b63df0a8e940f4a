// The commands below `vlb cache`, as yargs is told of them.

import type { Argv } from 'yargs';
import type { Failure } from '../../model/failure.ts';
import type { CacheOptions } from '../commands/cache/cache.ts';
import type { ShareOptions } from '../commands/cache/share.ts';
import type { Finish, RawGlobalOptions } from '../options.ts';
import { LAYER, PARAM, SECRET } from './command-options.ts';

type Commands = typeof import('../commands/cache/cache.ts');
type ShareCommands = typeof import('../commands/cache/share.ts');

interface Raw extends RawGlobalOptions {
  readonly json?: boolean | undefined;
}

interface RawShare extends Raw {
  readonly layer?: readonly string[] | undefined;
  readonly param?: readonly string[] | undefined;
}

const REMOTE = { type: 'boolean', describe: 'of the shared cache, not of the store here' } as const;

/** Adds all of them to the parser of `vlb cache`. */
export function cacheCommands<T extends RawGlobalOptions>(parser: Argv<T>, finish: Finish) {
  const call = (
    raw: Raw,
    command: (commands: Commands, options: CacheOptions) => Promise<number | Failure>,
  ) =>
    finish(raw, async (options) =>
      command(await import('../commands/cache/cache.ts'), { ...options, json: raw.json === true }),
    );
  /** Those that know the shared cache, too. */
  const look = (
    raw: Raw & { readonly remote?: boolean | undefined },
    command: (
      commands: Pick<Commands, 'du' | 'ls' | 'gc'>,
      options: CacheOptions,
    ) => Promise<number | Failure>,
  ) =>
    finish(raw, async (options) => {
      const own = { ...options, json: raw.json === true };
      return raw.remote
        ? command(await import('../commands/cache/remote.ts'), own)
        : command(await import('../commands/cache/cache.ts'), own);
    });
  const share = (
    raw: RawShare,
    command: (commands: ShareCommands, options: ShareOptions) => Promise<number | Failure>,
  ) =>
    finish(raw, async (options) =>
      command(await import('../commands/cache/share.ts'), {
        ...options,
        json: raw.json === true,
        targets: raw.layer ?? [],
        params: raw.param ?? [],
      }),
    );
  return parser
    .option('json', { type: 'boolean', describe: 'for programs' })
    .command(
      'du',
      'show what the store takes up on the disk',
      (own) =>
        own
          .option('remote', REMOTE)
          .example('$0 cache du', 'how much, and who uses it')
          .example('$0 cache du --remote', 'how much is in the bucket'),
      (raw) => look(raw, (commands, options) => commands.du(options)),
    )
    .command(
      'ls',
      'list what is in the store, most recently used first',
      (own) =>
        own
          .option('remote', REMOTE)
          .example('$0 cache ls --json', 'whole digests and keys')
          .example('$0 cache ls --remote', 'what others can fetch'),
      (raw) => look(raw, (commands, options) => commands.ls(options)),
    )
    .command(
      'gc',
      'remove what is over the limits, least recently used first',
      (own) =>
        own
          .option('max-size', {
            type: 'string',
            requiresArg: true,
            describe:
              'SIZE, as 20G; none for no limit (default: cache: max-size of vlb.yaml, or 50G; with --remote none)',
          })
          .option('max-age', {
            type: 'string',
            requiresArg: true,
            describe:
              'not used, or with --remote not pushed, for TIME, as 30d; or none (default: cache: max-age of vlb.yaml, or 90d; with --remote none)',
          })
          .option('dry-run', { alias: 'n', type: 'boolean', describe: 'only show what would go' })
          .option('remote', REMOTE)
          .example('$0 cache gc --max-size 20G', 'the most recently used 20 GiB stay')
          .example('$0 cache gc --max-size 0 -n', 'what is in no use at all')
          .example(
            '$0 cache gc --remote --max-age 90d',
            'what was pushed in the last 90 days stays in the bucket',
          ),
      (raw) =>
        look(raw, (commands, options) =>
          commands.gc({ ...options, maxSize: raw.maxSize, maxAge: raw.maxAge, dryRun: raw.dryRun === true }),
        ),
    )
    .command(
      'push [layer..]',
      'send what is built here to the shared cache',
      (own) =>
        own
          .positional('layer', LAYER)
          .option('param', PARAM)
          .example('$0 cache push', 'all that is built here and may be shared')
          .example('$0 cache push app', '20_app, and what it stands on'),
      (raw) => share(raw, (commands, options) => commands.push(options)),
    )
    .command(
      'pull [layer..]',
      'fetch from the shared cache what a build would need',
      (own) =>
        own
          .positional('layer', LAYER)
          .option('param', PARAM)
          .example('$0 cache pull', 'a build needs no network then, as far as others have built it')
          .example('$0 cache pull app', '20_app, and what it needs'),
      (raw) => share(raw, (commands, options) => commands.pull(options)),
    )
    .command(
      'prefetch [layer..]',
      'the same for CI: never fails because of the shared cache',
      (own) =>
        own
          .positional('layer', LAYER)
          .option('param', PARAM)
          .example('$0 cache prefetch', 'what cannot be had is told, and built later'),
      (raw) => share(raw, (commands, options) => commands.prefetch(options)),
    )
    .command(
      'verify',
      'read the whole store, and move aside what is damaged',
      (own) =>
        own
          .option('rebuild', {
            type: 'string',
            requiresArg: true,
            describe: 'build LAYER again, and say whether the result is the same; nothing is kept of it',
          })
          .option('param', PARAM)
          .option('secret', SECRET)
          .example('$0 cache verify', 'exit status 1 when something is bad')
          .example('$0 cache verify --rebuild 20_app', 'does it come out the same?'),
      (raw) =>
        call(raw, async (commands, options) => {
          if (raw.rebuild === undefined) return commands.verify(options);
          const { rebuild } = await import('../commands/cache/rebuild.ts');
          return rebuild({
            ...options,
            layer: raw.rebuild,
            params: raw.param ?? [],
            secrets: raw.secret ?? [],
          });
        }),
    )
    .command(
      'clear',
      'remove everything that no running build holds',
      (own) => own.example('$0 cache clear', 'the next build runs every layer'),
      (raw) => call(raw, (commands, options) => commands.clear(options)),
    )
    .command(
      'keygen <file>',
      'make a pair of keys to sign what goes into the shared cache',
      (own) =>
        own
          .positional('file', {
            type: 'string',
            demandOption: true,
            describe: 'a new FILE for the private key',
          })
          .example('$0 cache keygen ~/vlb.key', 'prints the public key, as vlb.yaml takes it'),
      (raw) =>
        finish(raw, async () => {
          const { keygen } = await import('../commands/cache/keygen.ts');
          return keygen(raw.file);
        }),
    )
    .example('$0 cache gc -n', 'what is over the limits')
    .demandCommand(
      1,
      'vlb cache requires a command: du, ls, gc, push, pull, prefetch, verify, clear or keygen',
    );
}
