// How the steps that run a program run it: as whom, where, and with which variables.

import * as v from 'valibot';
import { quoteCommand, quoteWord } from '../util/quote.ts';
import { accountName, imagePath, pattern, text } from './fields.ts';

export const RUN_FIELDS = {
  user: v.optional(accountName()),
  directory: v.optional(imagePath()),
  environment: v.optional(
    v.record(pattern('must be the name of a variable', /^[A-Za-z_][A-Za-z0-9_]*$/), text()),
  ),
};

export interface RunSettings {
  readonly user?: string | undefined;
  readonly directory?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** The lines in front of a command. */
export function settings({ directory, environment = {} }: RunSettings): readonly string[] {
  return [
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${quoteWord(value)}`),
    ...(directory === undefined ? [] : [`cd ${quoteWord(directory)}`]),
  ];
}

/** A command as a user of the image, with that user's HOME and groups; as root without one. */
export function asUser(words: readonly string[], user: string | undefined): string {
  if (user === undefined) return quoteCommand(words);
  return `su -s /bin/sh -c ${quoteWord(quoteCommand(words))} ${quoteWord(user)}`;
}
