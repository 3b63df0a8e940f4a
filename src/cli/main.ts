// argv → command → exit status. The only place that sets the exit status; commands are loaded when they are called.

import { availableParallelism } from 'node:os';
import type { Argv } from 'yargs';
import yargs from 'yargs';
import { type Failure, fail } from '../model/failure.ts';
import { nearest } from '../project/nearest.ts';
import { PROGRESS } from '../report/create-reporter.ts';
import { failureText } from '../report/failure-text.ts';
import { GRAPH_FORMATS } from '../report/graph-text.ts';
import { createStyle, wantsColour } from '../report/style.ts';
import { exitStatusOf } from './exit-status.ts';
import { type GlobalOptions, type RawGlobalOptions, readGlobalOptions } from './options.ts';

declare const VLB_VERSION: string; // put in by the bundler

const COMMANDS = ['build', 'plan', 'why', 'graph', 'ls', 'new-layer', 'test-boot'];

async function main(argv: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', readerIsGone);
  try {
    await commandLine(argv).parseAsync();
  } catch (error) {
    if (error instanceof CommandLineError) return tell(error.failure, {});
    // Only bugs arrive here. Their trace is for those who mend them.
    const debug = argv.includes('--debug') && error instanceof Error;
    process.stderr.write(`vlb: a defect in vlb itself: ${debug ? error.stack : String(error)}\n`);
    if (!debug) process.stderr.write('  please report it, with what --debug prints\n');
    process.exitCode = 70; // EX_SOFTWARE of sysexits(3)
  }
}

function commandLine(argv: readonly string[]) {
  return yargs(argv)
    .scriptName('vlb')
    .usage('$0 <command>\n\nBuilds virtual-machine images from numbered layers, and only what changed.')
    .parserConfiguration({
      'duplicate-arguments-array': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .option('C', { type: 'string', global: true, describe: 'the project is in DIR', requiresArg: true })
    .option('cache-dir', {
      type: 'string',
      describe: 'keep the store in DIR (also VLB_CACHE_DIR)',
      requiresArg: true,
    })
    .option('color', { type: 'boolean', describe: 'colours, or none with --no-color (also NO_COLOR)' })
    .option('debug', { type: 'boolean', describe: 'tell more when vlb itself fails' })
    .command(
      'build [layer..]',
      'build the image, or only these layers and what they need',
      (parser) => buildOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          if (raw.dryRun) {
            const { plan } = await import('./commands/inspect.ts');
            return plan({ ...options, targets: targetsOf(raw), json: raw.progress === 'json' });
          }
          const { build } = await import('./commands/build.ts');
          return build({
            ...options,
            nbd: raw.nbd ?? [],
            targets: targetsOf(raw),
            jobs: raw.jobs ?? availableParallelism(),
            keepGoing: raw.keepGoing === true,
            flatten: raw.flatten === true,
            progress: raw.progress,
          });
        }),
    )
    .command(
      'plan [layer..]',
      'show what a build would do, and why',
      (parser) => layers(json(parser)),
      (raw) =>
        finish(raw, async (options) => {
          const { plan } = await import('./commands/inspect.ts');
          return plan({ ...options, targets: raw.layer ?? [], json: raw.json === true });
        }),
    )
    .command(
      'why <layer>',
      'explain why a layer has to run',
      (parser) => json(parser).positional('layer', { type: 'string', demandOption: true }),
      (raw) =>
        finish(raw, async (options) => {
          const { why } = await import('./commands/inspect.ts');
          return why({ ...options, targets: [raw.layer], json: raw.json === true });
        }),
    )
    .command(
      'graph [layer..]',
      'show what stands on what',
      (parser) =>
        layers(json(parser)).option('format', {
          choices: GRAPH_FORMATS,
          default: 'text' as const,
          describe: 'how',
        }),
      (raw) =>
        finish(raw, async (options) => {
          const { graph } = await import('./commands/inspect.ts');
          return graph({ ...options, targets: raw.layer ?? [], json: raw.json === true, format: raw.format });
        }),
    )
    .command(
      'ls [layer..]',
      'list the layers with their states',
      (parser) => layers(json(parser)),
      (raw) =>
        finish(raw, async (options) => {
          const { ls } = await import('./commands/inspect.ts');
          return ls({ ...options, targets: raw.layer ?? [], json: raw.json === true });
        }),
    )
    .command(
      'new-layer <name>',
      'make the next layer',
      (parser) => newLayerOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { newLayer } = await import('./commands/new-layer.ts');
          return newLayer({
            ...options,
            name: raw.name,
            kind: raw.modifyDisk ? 'modify-disk' : 'build-layer',
          });
        }),
    )
    .command(
      'test-boot [image]',
      'boot an image, with nothing written to it',
      (parser) => testBootOptions(parser),
      (raw) =>
        finish(raw, async (options) => {
          const { testBoot } = await import('./commands/test-boot.ts');
          return testBoot(options, raw);
        }),
    )
    .group(['C', 'cache-dir', 'color', 'debug', 'version', 'help'], 'Everywhere:')
    .demandCommand(1, 'vlb needs a command')
    .strict()
    .version(VLB_VERSION)
    .help()
    .wrap(Math.min(100, process.stdout.columns ?? 80))
    .exitProcess(false)
    .fail((message, error) => {
      if (error) throw error;
      throw new CommandLineError(commandLineFailure(message, argv));
    });
}

function buildOptions<T>(parser: Argv<T>) {
  return parser
    .option('nbd', {
      type: 'string',
      array: true,
      nargs: 1,
      describe: 'attach disks as this network block device (may be given again)',
    })
    .option('last', {
      type: 'string',
      requiresArg: true,
      describe: 'build only up to LAYER; it becomes the image',
    })
    .positional('layer', {
      type: 'string',
      array: true,
      describe: 'in full (20_app) or without the number (app)',
    })
    .option('jobs', {
      alias: 'j',
      type: 'number',
      requiresArg: true,
      describe: 'how many layers may run at once (default: one a processor)',
    })
    .option('dry-run', { alias: 'n', type: 'boolean', describe: 'show the plan and build nothing' })
    .option('keep-going', {
      alias: 'k',
      type: 'boolean',
      describe: 'a failed layer stops only what needs it',
    })
    .option('flatten', { type: 'boolean', describe: 'make build/image.qcow2 one file that stands alone' })
    .option('progress', { choices: PROGRESS, default: 'auto' as const, describe: 'how to show what happens' })
    .example('$0 build', 'build what changed')
    .example('$0 build --last 20_app --flatten', 'one file of the layers up to 20_app');
}

function layers<T>(parser: Argv<T>) {
  return parser.positional('layer', {
    type: 'string',
    array: true,
    describe: 'in full (20_app) or without the number (app)',
  });
}

function json<T>(parser: Argv<T>) {
  return parser.option('json', { type: 'boolean', describe: 'for programs' });
}

function targetsOf(raw: {
  layer?: readonly string[] | undefined;
  last?: string | undefined;
}): readonly string[] {
  return [...(raw.layer ?? []), ...(raw.last === undefined ? [] : [raw.last])];
}

function testBootOptions<T>(parser: Argv<T>) {
  const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  return parser
    .positional('image', { type: 'string', describe: 'default: build/image.qcow2' })
    .option('check', {
      type: 'boolean',
      describe: 'wait for a login prompt on the serial console, then stop',
    })
    .option('expect', text('wait for this regular expression on the console instead'))
    .option(
      'run',
      text("run a shell command in the guest, through its qemu-guest-agent; its status is the check's"),
    )
    .option(
      'timeout',
      text('give up after this time, as 90s or 5m (default: 2m, four times that without KVM)'),
    )
    .option('accel', text('auto, kvm or tcg'))
    .option('net', text('user, none or bridge=BRIDGE'))
    .option('forward', {
      ...text('HOST:GUEST, a TCP port of this host to one of the guest; may be given again'),
      array: true,
      nargs: 1,
    })
    .option('memory', text('as 512M or 2G (default: 1G)'))
    .option('cpus', text('how many processors'))
    .option('seed', text('a directory with user-data for cloud-init (default: test-boot/ of the project)'))
    .example('$0 test-boot', 'the serial console; ^a x leaves')
    .example('$0 test-boot --check', 'does it come up?')
    .example("$0 test-boot --run 'systemctl is-active nginx'", 'does the service run?')
    .example('$0 test-boot --forward 8080:80', 'reach its web server at localhost:8080');
}

function newLayerOptions<T>(parser: Argv<T>) {
  return parser
    .positional('name', {
      type: 'string',
      demandOption: true,
      describe: '`app` gets the next free ten; `35_app` is taken as it is',
    })
    .option('modify-disk', { type: 'boolean', describe: 'a layer that works on the raw disk' })
    .example('$0 new-layer app', 'makes layers/20_app/build-layer');
}

/** Runs a command and sets the exit status it comes to. */
async function finish(
  raw: RawGlobalOptions,
  command: (options: GlobalOptions) => Promise<number | Failure>,
): Promise<void> {
  const options = readGlobalOptions(raw);
  const result = options.ok ? await command(options.value) : options.failure;
  if (typeof result === 'number') process.exitCode = result;
  else tell(result, raw);
}

/** Tells a failure and sets the exit status that goes with it. */
function tell(failure: Failure, raw: RawGlobalOptions): void {
  const style = createStyle(wantsColour(raw.color, process.stderr));
  process.stderr.write(`${failureText(failure, style)}\n`);
  process.exitCode = exitStatusOf(failure, undefined);
}

/** Whoever read vlb's output has ended (`vlb … | head`): end too, cleanly, as other tools do by SIGPIPE. */
function readerIsGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
  else process.exit(141);
}

/** What yargs found wrong, in our words. */
function commandLineFailure(message: string, argv: readonly string[]): Failure {
  const command = argv.find((word) => COMMANDS.includes(word));
  const help = command === undefined ? 'vlb --help' : `vlb ${command} --help`;
  if (/^Not enough (?:non-option )?arguments/.test(message)) {
    return fail('usage', `vlb ${command ?? ''} wants another argument, its name or value`, {
      hint: `see ${help}`,
    }).failure;
  }
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/.exec(message)?.[1];
  const guess = unknown === undefined ? undefined : nearest(unknown.split(',')[0] ?? '', COMMANDS);
  const hint = guess === undefined ? `see ${help}` : `did you mean vlb ${guess}?`;
  return fail('usage', lowerFirst(message), { hint }).failure;
}

/** How yargs is made to stop: it would run the command all the same. Caught in `main`, like nothing else. */
class CommandLineError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

await main(process.argv.slice(2));
