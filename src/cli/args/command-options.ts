// The options of each command, as yargs is told of them.

import type { Argv } from 'yargs';
import { fail } from '../../model/failure.ts';
import { PROGRESS } from '../../report/reporters/create-reporter.ts';
import { GRAPH_FORMATS } from '../../report/text/graph.ts';
import { ON_ERROR } from '../on-error.ts';
import { CommandLineError, dashed } from './errors.ts';

/** How layers are named on the command line. */
const LAYER_TEXT = 'a layer, in full (20_app) or without the number (app), or an image of vlb.yaml';

export const LAYER = { type: 'string', array: true, describe: LAYER_TEXT } as const;

export const PARAM = {
  alias: 'p',
  type: 'string',
  array: true,
  nargs: 1,
  describe: 'NAME=VALUE for a layer that has "# vlb: param NAME"; may be given again',
} as const;

const NBD = {
  type: 'string',
  array: true,
  nargs: 1,
  describe: 'attach disks as DEVICE, of the nbd module; may be given again',
} as const;

const JOBS = {
  alias: 'j',
  type: 'number',
  requiresArg: true,
  describe: 'N layers may run at once (default: one a processor)',
} as const;

export const SECRET = {
  type: 'string',
  array: true,
  nargs: 1,
  describe:
    'NAME=FILE, or NAME for that variable of the environment, for a layer that has "# vlb: secret NAME"; may be given again',
} as const;

const KEEP_GOING = {
  alias: 'k',
  type: 'boolean',
  describe: 'a failed layer stops only what needs it',
} as const;

const FLATTEN = {
  type: 'boolean',
  describe: 'make build/image.qcow2 one file that stands alone',
} as const;

const SHOWN = {
  choices: PROGRESS,
  requiresArg: true,
  default: 'auto' as const,
  describe: 'how to show what happens',
} as const;

export function buildOptions<T>(parser: Argv<T>) {
  return parser
    .option('nbd', NBD)
    .option('last', {
      type: 'string',
      requiresArg: true,
      describe: 'build only up to LAYER; it becomes the image',
    })
    .positional('layer', LAYER)
    .option('jobs', JOBS)
    .option('dry-run', { alias: 'n', type: 'boolean', describe: 'show the plan and build nothing' })
    .option('force', {
      type: 'string',
      describe: 'run every layer, or with --force=LAYER only LAYER anew, whatever the store has',
    })
    .option('no-cache', { type: 'boolean', describe: 'the same as a bare --force' })
    .option('param', PARAM)
    .option('secret', SECRET)
    .option('keep-going', KEEP_GOING)
    .option('flatten', FLATTEN)
    .option('on-error', {
      choices: ON_ERROR,
      default: 'keep' as const,
      describe: "a failed layer's disk is kept for vlb shell --failed, or a shell is opened on it at once",
    })
    .option('progress', SHOWN)
    .example('$0 build', 'build what changed')
    .example('$0 build --last 20_app --flatten', 'one file of the layers up to 20_app');
}

export function watchOptions<T>(parser: Argv<T>) {
  return layers(parser)
    .option('check', {
      type: 'boolean',
      describe: 'after each success boot the image, as vlb test-boot --check does',
    })
    .option('exec', {
      type: 'string',
      requiresArg: true,
      describe: 'after each success run this line in a shell; a change ends it',
    })
    .option('nbd', NBD)
    .option('jobs', JOBS)
    .option('param', PARAM)
    .option('secret', SECRET)
    .option('keep-going', KEEP_GOING)
    .option('flatten', FLATTEN)
    .option('progress', SHOWN)
    .example('$0 watch', 'build, and build again whenever something changed')
    .example('$0 watch web --check', 'only up to web, and see whether it boots')
    .example("$0 watch --exec 'make deploy'", 'a command after each success');
}

export function planOptions<T>(parser: Argv<T>) {
  return layers(json(parser))
    .example('$0 plan', 'what would run, and why')
    .example('$0 plan web -p VERSION=2', 'the same for some layers, with a parameter');
}

export function lsOptions<T>(parser: Argv<T>) {
  return layers(json(parser))
    .example('$0 ls', 'each layer: its state, size, seconds and key')
    .example('$0 ls --json | jq .', 'the same for programs, and more');
}

function layers<T>(parser: Argv<T>) {
  return parser.positional('layer', LAYER);
}

function json<T>(parser: Argv<T>) {
  return parser.option('json', { type: 'boolean', describe: 'for programs' }).option('param', PARAM);
}

export function whyOptions<T>(parser: Argv<T>) {
  return json(parser)
    .positional('layer', {
      type: 'string',
      demandOption: true,
      describe: LAYER_TEXT,
    })
    .option('record', {
      type: 'string',
      requiresArg: true,
      describe: 'compare with the record under KEY, or one that begins like it, instead of the last build',
    })
    .example('$0 why app', 'what changed since its last build')
    .example('$0 why app --record 3f9a', 'what is different from that build; vlb ls shows keys');
}

export function testBootOptions<T>(parser: Argv<T>) {
  const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  return parser
    .positional('image', {
      type: 'string',
      describe: 'a file, or the name of an image or layer (default: build/image.qcow2)',
    })
    .option('check', {
      type: 'boolean',
      describe: 'wait for a login prompt on the serial console, then stop',
    })
    .option('expect', text('wait for REGEXP on the console instead'))
    .option(
      'run',
      text("run COMMAND in the guest's shell, through its qemu-guest-agent; its status is the check's"),
    )
    .option('timeout', text('give up after TIME, as 90s or 5m (default: 2m, four times that without KVM)'))
    .option('accel', text('auto, kvm or tcg'))
    .option('net', text('user, none or bridge=BRIDGE'))
    .option('forward', {
      ...text('HOST:GUEST, a TCP port of this host to one of the guest; may be given again'),
      array: true,
      nargs: 1,
    })
    .option('memory', text('SIZE, as 512M or 2G (default: 1G)'))
    .option('cpus', text('N processors (default: 2)'))
    .option('seed', text('DIR has user-data for cloud-init (default: test-boot/ of the project)'))
    .example('$0 test-boot', 'the serial console; ^a x leaves')
    .example('$0 test-boot --check', 'does it come up?')
    .example("$0 test-boot web --run 'uname -a'", 'of the image or layer web')
    .example('$0 test-boot --forward 8080:80', 'reach its web server at localhost:8080');
}

export function diffOptions<T>(parser: Argv<T>) {
  const what = 'a DISK: a layer, the first digits of an artifact, or a qcow2 or raw file';
  return parser
    .positional('a', {
      type: 'string',
      demandOption: true,
      describe: `${what}; alone: against what it stands on`,
    })
    .positional('b', { type: 'string', describe: 'the DISK that A is compared with' })
    .option('stat', { type: 'boolean', describe: 'how many files and bytes in each of the top directories' })
    .option('json', { type: 'boolean', describe: 'for programs' })
    .option('text', {
      type: 'string',
      requiresArg: true,
      describe: 'compare the text of the file PATH, as diff -u',
    })
    .option('shell', { type: 'boolean', describe: 'a shell that sees both disks, read-only, as a and b' })
    .conflicts({ stat: ['json', 'text', 'shell'], json: ['text', 'shell'], text: 'shell' })
    .example('$0 diff app', 'what did 20_app change?')
    .example('$0 diff old.qcow2 build/image.qcow2 --stat', 'where do two images differ?')
    .example('$0 diff app --text /etc/passwd', 'which lines of a file?');
}

export function shellOptions<T>(parser: Argv<T>) {
  return parser
    .usage('$0 shell <layer> [-- command…]\n\nLook inside a layer, with nothing kept.')
    .positional('layer', {
      type: 'string',
      demandOption: true,
      describe: 'in full (20_app) or without the number (app)',
    })
    .option('parent', { type: 'boolean', describe: 'the disk before its script, which can be tried by hand' })
    .option('failed', { type: 'boolean', describe: 'the disk as its script left it when it failed' })
    .conflicts('parent', 'failed')
    .option('nbd', NBD)
    .option('param', PARAM)
    .option('secret', SECRET)
    .example('$0 shell app', 'a shell in the finished layer')
    .example('$0 shell app -- cat /etc/os-release', 'a command in it')
    .example('$0 shell --parent app', 'try ./build-layer by hand')
    .example('$0 shell --failed app', 'what did the failed script leave?');
}

/** What follows `--`. */
export function wordsBehindDashes(raw: Readonly<Record<string, unknown>>): readonly string[] {
  const words = raw['--'];
  return Array.isArray(words) ? words.map(String) : [];
}

export function logOptions<T>(parser: Argv<T>) {
  return parser
    .positional('layer', {
      type: 'string',
      demandOption: true,
      describe: 'in full (20_app) or without the number (app); app~1 is the run before the last',
    })
    .option('follow', { alias: 'f', type: 'boolean', describe: 'print what comes, until the run ends' })
    .option('path', { type: 'boolean', describe: 'print where the log is' })
    .example('$0 log app', 'what the last run of 20_app printed')
    .example('$0 log -f app', 'and what comes, while it runs')
    .example('$0 log app~1', 'the run before that');
}

export function newLayerOptions<T>(parser: Argv<T>) {
  return parser
    .positional('name', {
      type: 'string',
      demandOption: true,
      describe: '`app` gets the next free ten; `35_app` is taken as it is',
    })
    .option('modify-disk', { type: 'boolean', describe: 'a layer that works on the raw disk' })
    .example('$0 new-layer app', 'makes layers/20_app/build-layer');
}

export function graphOptions<T>(parser: Argv<T>) {
  return layers(json(parser))
    .option('format', {
      choices: GRAPH_FORMATS,
      requiresArg: true,
      default: 'text' as const,
      describe: 'in which language',
    })
    .example('$0 graph', 'a tree for people')
    .example('$0 graph --format dot | dot -Tsvg', 'a picture, drawn by Graphviz');
}

export function initOptions<T>(parser: Argv<T>) {
  return parser
    .positional('dir', { type: 'string', describe: 'where; it is made when it is not there (default: here)' })
    .option('base', {
      choices: ['debian', 'cloud', 'scratch'] as const,
      default: 'debian' as const,
      describe: 'a Debian made from packages, an image by its address, or an empty disk',
    })
    .option('url', {
      type: 'string',
      requiresArg: true,
      describe: 'with --base cloud: the image at URL, qcow2 or raw',
    })
    .option('sha256', { type: 'string', requiresArg: true, describe: 'with --base cloud: of what is there' })
    .example('$0 init web', 'a Debian with a web server')
    .example('$0 init web --base cloud --url URL --sha256 HEX', 'on top of that image');
}

export function doctorOptions<T>(parser: Argv<T>) {
  return parser
    .option('json', { type: 'boolean', describe: 'for programs' })
    .option('clean', {
      type: 'boolean',
      describe: 'first remove what builds that were killed left of this project: files, loop devices',
    })
    .example('$0 doctor', 'exit status 3 when no layer can be built here');
}

export function helpOptions<T>(parser: Argv<T>) {
  return parser
    .positional('topic', { type: 'string', array: true, describe: 'a command, or the word hints' })
    .example('$0 help cache gc', 'as vlb cache gc --help')
    .example('$0 help hints', 'what comments in a script may say');
}

export const SHELLS = ['bash', 'zsh'] as const;

export function completionOptions<T>(parser: Argv<T>) {
  return parser
    .positional('shell', { choices: SHELLS, demandOption: true, describe: 'for which shell' })
    .example('source <($0 completion bash)', 'in ~/.bashrc')
    .example('source <($0 completion zsh)', 'in ~/.zshrc, behind compinit');
}

/** The options that may be given more than once; any other is a slip then, and yargs would make a list of it. */
const LISTS = ['nbd', 'param', 'p', 'secret', 'forward', 'layer', 'topic', '--', '_'];

/** A bare --force is one without a layer; positional arguments are looked at where their names are known. */
const MAY_BE_EMPTY = ['force', 'layer', 'image', 'name'];

export function checkOnce(raw: Readonly<Record<string, unknown>>): true {
  for (const [name, value] of Object.entries(raw)) {
    if (Array.isArray(value) && !LISTS.includes(name)) throw wrong(`${dashed(name)} can be given only once`);
    if (value === '' && !MAY_BE_EMPTY.includes(name)) throw wrong(`${dashed(name)} requires a value`);
  }
  const { jobs } = raw;
  if (jobs !== undefined && !(Number.isSafeInteger(jobs) && Number(jobs) >= 1)) {
    throw wrong('--jobs must be a number, 1 or more');
  }
  return true;
}

function wrong(message: string): CommandLineError {
  return new CommandLineError(fail('usage', message).failure);
}
