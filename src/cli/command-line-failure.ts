// What is wrong on a command line, in vlb's own words.

import { type Failure, fail } from '../model/failure.ts';
import { nearest } from '../project/nearest.ts';

export const COMMANDS = ['build', 'plan', 'why', 'graph', 'ls', 'new-layer', 'test-boot'];

/** What yargs found wrong, in our words. */
export function commandLineFailure(message: string, argv: readonly string[]): Failure {
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
