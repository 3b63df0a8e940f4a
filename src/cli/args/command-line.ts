// The commands and what each is called with. Commands are loaded when they are called.

import path from 'node:path';
import type { Argv } from 'yargs';
import type { Failure } from '../../model/failure.ts';
import type { InspectOptions } from '../commands/inspect.ts';
import type { Finish, RawGlobalOptions } from '../options.ts';
import { cacheCommands } from './cache-command-line.ts';
import {
  buildOptions,
  checkOnce,
  completionOptions,
  diffOptions,
  doctorOptions,
  graphOptions,
  helpOptions,
  initOptions,
  logOptions,
  lsOptions,
  newLayerOptions,
  planOptions,
  shellOptions,
  testBootOptions,
  watchOptions,
  whyOptions,
  wordsBehindDashes,
} from './command-options.ts';

type InspectCommands = typeof import('../commands/inspect.ts');

interface RawInspectOptions extends RawGlobalOptions {
  readonly layer?: readonly string[] | undefined;
  readonly json?: boolean | undefined;
  readonly param?: readonly string[] | undefined;
}

/** Tells a parser all commands and options; what it finds on the command line, it hands to `finish`. */
export function registerCommands(parser: Argv, finish: Finish) {
  /** The commands that look and build nothing have their options in common. */
  const inspect = (
    raw: RawInspectOptions,
    command: (commands: InspectCommands, options: InspectOptions) => Promise<number | Failure>,
  ) =>
    finish(raw, async (options) =>
      command(await import('../commands/inspect.ts'), {
        ...options,
        targets: raw.layer ?? [],
        json: raw.json === true,
        params: raw.param ?? [],
        force: [],
      }),
    );
  return parser
    .usage('$0 <command>\n\nBuilds virtual-machine images from numbered layers, and only what changed.')
    .option('C', {
      type: 'string',
      global: true,
      describe: 'the project is in DIR (default: here, or the nearest one above)',
      requiresArg: true,
    })
    .option('cache-dir', {
      type: 'string',
      describe: 'keep the store in DIR (also VLB_CACHE_DIR)',
      requiresArg: true,
    })
    .option('cache', {
      type: 'string',
      describe: 'USE of the shared cache of vlb.yaml: remote:rw, remote:r or remote:off (also VLB_CACHE)',
      requiresArg: true,
    })
    .option('color', { type: 'boolean', describe: 'colours, whatever stdout and stderr are' })
    .option('no-color', { type: 'boolean', describe: 'no colours (also NO_COLOR)' })
    .option('trace', {
      type: 'string',
      describe: 'write every command, decision and request to FILE, as JSON lines',
      requiresArg: true,
    })
    .option('debug', { type: 'boolean', describe: 'tell more when vlb itself fails' })
    .command(
      'build [layer..]',
      'build the image, or only these layers and what they need',
      (parser) => buildOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { buildCommand } = await import('../commands/build-command.ts');
          return buildCommand(raw, options);
        }),
    )
    .command(
      'watch [layer..]',
      'build, and build again whenever something changed',
      (parser) => watchOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { watchCommand } = await import('../commands/watch.ts');
          return watchCommand(raw, options);
        }),
    )
    .command(
      'plan [layer..]',
      'show what a build would do, and why',
      (parser) => planOptions(parser),
      (raw) => inspect(raw, (commands, options) => commands.plan(options)),
    )
    .command(
      'why <layer>',
      'explain why a layer has to run',
      (parser) => whyOptions(parser),
      (raw) =>
        inspect({ ...raw, layer: [raw.layer] }, (commands, options) =>
          commands.why({ ...options, record: raw.record }),
        ),
    )
    .command(
      'graph [layer..]',
      'show what stands on what',
      (parser) => graphOptions(parser),
      (raw) => inspect(raw, (commands, options) => commands.graph({ ...options, format: raw.format })),
    )
    .command(
      'ls [layer..]',
      'list the layers with their states',
      (parser) => lsOptions(parser),
      (raw) => inspect(raw, (commands, options) => commands.ls(options)),
    )
    .command(
      'diff <a> [b]',
      'compare the files of two disks: layers, artifacts or images',
      (parser) => diffOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { diff } = await import('../commands/diff.ts');
          return diff(options, raw);
        }),
    )
    .command(
      'new-layer <name>',
      'make the next layer',
      (parser) => newLayerOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { newLayer } = await import('../scaffold/new-layer.ts');
          return newLayer({
            ...options,
            name: raw.name,
            kind: raw.modifyDisk ? 'modify-disk' : 'build-layer',
          });
        }),
    )
    .command(
      'shell <layer>',
      'look inside a layer, with nothing kept',
      (parser) => shellOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { shell } = await import('../commands/shell.ts');
          return shell({
            ...options,
            layer: raw.layer,
            state: raw.failed ? 'failed' : raw.parent ? 'parent' : 'built',
            argv: wordsBehindDashes(raw),
            nbd: raw.nbd ?? [],
            params: raw.param ?? [],
            secrets: raw.secret ?? [],
          });
        }),
    )
    .command(
      'log <layer>',
      'show what a layer printed when it ran',
      (parser) => logOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { log } = await import('../commands/log.ts');
          return log({ ...options, layer: raw.layer, follow: raw.follow === true, path: raw.path === true });
        }),
    )
    .command(
      'test-boot [image]',
      'boot an image, with nothing written to it',
      (parser) => testBootOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { testBoot } = await import('../commands/test-boot.ts');
          return testBoot(options, raw);
        }),
    )
    .command('cache', 'look at the store and the shared cache, and tidy them', (parser) =>
      cacheCommands(parser, finish),
    )
    .command(
      'init [dir]',
      'make a new project that builds and boots as it stands',
      (parser) => initOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { init } = await import('../scaffold/init.ts');
          // Not in the project that may be above, as the others.
          const place = path.resolve(raw.C ?? '.', raw.dir ?? '.');
          return init({ ...options, place, base: raw.base, url: raw.url, sha256: raw.sha256 });
        }),
    )
    .command(
      'doctor',
      'look whether this machine has what vlb needs, and say what mends it',
      (parser) => doctorOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { doctor } = await import('../commands/doctor.ts');
          return doctor({ ...options, json: raw.json === true, clean: raw.clean === true });
        }),
    )
    .command('help [topic..]', 'tell about a command, or list the hints', helpOptions, async () => {
      const { printHints } = await import('../commands/help.ts');
      printHints(); // all else became --help, or was refused
    })
    .command(
      'completion <shell>',
      'print a script that completes commands',
      completionOptions,
      async (raw) => {
        const { printScript } = await import('../commands/completion.ts');
        printScript(raw.shell);
      },
    )
    .group(
      ['C', 'cache-dir', 'cache', 'color', 'no-color', 'trace', 'debug', 'version', 'help'],
      'Everywhere:',
    )
    .example('$0 build', 'build what changed')
    .example('$0 help build', 'all about a command')
    .example('$0 help hints', 'what comments in a script may say')
    .check(checkOnce);
}
