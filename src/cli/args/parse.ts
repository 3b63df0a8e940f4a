// Runs yargs over a command line, with vlb's own words for what is wrong on it.

import yargs from 'yargs';
import { fail } from '../../model/failure.ts';
import type { Finish } from '../options.ts';
import { registerCommands } from './command-line.ts';
import { type CommandText, commandTree } from './command-tree.ts';
import { CommandLineError, commandLineFailure, unknownCommand } from './errors.ts';
import { HELP_TOPICS } from './help.ts';

declare const VLB_VERSION: string; // put in by the bundler

/** What is used of yargs 18 besides its documented methods. */
interface YargsInternals {
  getOptions(): { readonly key: object };
  getInternalMethods(): { getUsageInstance(): { cacheHelpMessage: () => void } };
}

/** Parses the command line and runs the command. Of what is wrong on it, it throws CommandLineError alone. */
export async function runCommandLine(argv: readonly string[], finish: Finish): Promise<void> {
  const parser = registerCommands(yargs(withHelp(withoutDashes(argv))), finish)
    .scriptName('vlb')
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'populate--': true,
      'boolean-negation': false, // --no-last is nothing
    })
    .demandCommand(1, 'no command given')
    .strict()
    .version('version', 'show the version', VLB_VERSION)
    .help('help', 'show help')
    .wrap(Math.min(100, process.stdout.columns ?? 80))
    .exitProcess(false);
  const internals = parser as unknown as YargsInternals; // its types lack them
  // yargs renders the help of every command that it runs, should somebody ask for it later. Nobody does, and it takes as
  // long as all the parsing.
  internals.getInternalMethods().getUsageInstance().cacheHelpMessage = () => {};
  const wrong = (message: string, options: readonly string[] = []) =>
    new CommandLineError(commandLineFailure(message, argv, commandNames(), options));
  parser.fail((message, error) => {
    if (error) throw error;
    throw wrong(message, Object.keys(internals.getOptions().key));
  });
  try {
    await parser.parseAsync();
  } catch (error) {
    // Thus yargs tells of an option without its value, past its own handler.
    throw error instanceof Error && error.name === 'YError' ? wrong(error.message) : error;
  }
}

/** All commands, as they are registered. */
export function allCommands(): CommandText {
  return commandTree((parser) => registerCommands(parser, async () => {}));
}

function commandNames(): readonly string[] {
  return allCommands().commands.map(({ name }) => name);
}

/** The first word that is a command. */
function commandOf(words: readonly string[]): string | undefined {
  const names = commandNames();
  return words.find((word) => names.includes(word));
}

/** As make and git have it: words behind `--` are no options. Nothing that vlb takes begins with a dash. */
function withoutDashes(argv: readonly string[]): readonly string[] {
  const at = argv.indexOf('--');
  // Of vlb shell they are somebody else's: a command and its options.
  if (at < 0 || commandOf(argv.slice(0, at)) === 'shell') return argv;
  const behind = argv.slice(at + 1);
  const odd = behind.find((word) => word.startsWith('-'));
  if (odd !== undefined) {
    throw new CommandLineError(fail('usage', `"${odd}" is not a valid name (it begins with a dash)`).failure);
  }
  return [...argv.slice(0, at), ...behind];
}

/** `vlb help build` is `vlb build --help`. */
function withHelp(argv: readonly string[]): readonly string[] {
  const [first, command, ...more] = argv;
  if (first !== 'help') return argv;
  if (command === undefined || command.startsWith('-')) return [...argv.slice(1), '--help'];
  if (HELP_TOPICS.some(({ word }) => word === command)) return argv;
  const names = commandNames();
  if (!names.includes(command)) throw new CommandLineError(unknownCommand(command, names));
  return [command, ...more, '--help'];
}
