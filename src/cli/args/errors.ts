// What is wrong on a command line, in vlb's own words.

import { type Failure, fail } from '../../model/failure.ts';
import { nearest } from '../../util/nearest.ts';

/**
 * What yargs found wrong, in our words.
 * @param commands the names of all commands
 * @param options the names of all options that were possible
 */
export function commandLineFailure(
  message: string,
  argv: readonly string[],
  commands: readonly string[],
  options: readonly string[],
): Failure {
  const command = argv.find((word) => commands.includes(word));
  const hint = `see vlb ${command === undefined ? '' : `${command} `}--help`;
  const lacking = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
  if (lacking !== undefined) return fail('usage', `${dashed(lacking)} requires a value`, { hint }).failure;
  if (/^Not enough (?:non-option )?arguments/.test(message)) {
    return fail('usage', `vlb ${command ?? ''} requires another argument`, { hint }).failure;
  }
  const choice = /Argument: (\S+), Given: (.*), Choices: (.*)/.exec(message);
  if (choice) {
    const [, name = '', given, choices = ''] = choice;
    const typed = argv.some((word) => isOption(word, name)) ? dashed(name) : name;
    return fail('usage', `${typed}: invalid value ${given}`, {
      hint: `valid values: ${choices.replaceAll('"', '')}`,
    }).failure;
  }
  const unknown = /^Unknown (?:argument|command)s?: ([^,]*)/.exec(message)?.[1];
  if (unknown === undefined) return fail('usage', lowerFirst(message), { hint }).failure;
  if (argv.some((word) => isOption(word, unknown))) {
    const guess = nearest(unknown, options);
    const meant = guess === undefined ? hint : `did you mean ${dashed(guess)}?`;
    return fail('usage', `unknown option ${dashed(unknown)}`, { hint: meant }).failure;
  }
  if (command === 'shell') {
    return fail('usage', `vlb shell: unexpected argument "${unknown}"`, {
      hint: 'put the command to run after --: vlb shell LAYER -- COMMAND',
    }).failure;
  }
  if (command !== undefined) {
    return fail('usage', `vlb ${command}: unexpected argument "${unknown}"`, { hint }).failure;
  }
  return unknownCommand(unknown, commands);
}

/** The failure for a command that there is not. */
export function unknownCommand(word: string, commands: readonly string[]): Failure {
  const guess = nearest(word, commands);
  const hint = guess === undefined ? 'see vlb --help' : `did you mean vlb ${guess}?`;
  return fail('usage', `unknown command ${word}`, { hint }).failure;
}

/** An option as it is typed. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** Whether a word of the command line is this option: `--name`, `--name=value`, or `-n` among other letters. */
function isOption(word: string, name: string): boolean {
  const typed = word.split('=', 1)[0] ?? '';
  return typed === dashed(name) || (name.length === 1 && /^-[^-]/.test(typed) && typed.includes(name));
}

/** How yargs is made to stop: it would run the command all the same. Caught in `main`, like nothing else. */
export class CommandLineError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
