// Secrets: combines those from the command line (`--secret NAME=FILE`) with the layers' declarations (`# vlb: secret NAME`).

import { accessSync, constants } from 'node:fs';
import { fail, ok, type Result } from '../../model/failure.ts';
import { type Layer, type Secret, type SecretName, scriptFile } from '../../model/project.ts';
import { guessHint } from '../../util/nearest.ts';
import { SECRET_NAME } from '../hints/words.ts';
import { readFile, unreadable } from '../inputs/read-file.ts';

/** The maximum size of a secret in bytes: enough for a key, a token or a certificate. */
const LARGEST = 512 * 1024;

export interface Secrets {
  /**
   * The secrets of a layer; each file is read once. Fails as `usage` for a secret that was not given, with the location
   * of its hint, and for a file that cannot be read.
   */
  of(layer: Layer): Result<readonly Secret[]>;
  /** The secrets of a layer that were given. Fails as `usage` for a file that cannot be read. */
  given(layer: Layer): Result<readonly Secret[]>;
}

type Source = { readonly file: string } | { readonly content: Buffer };

/**
 * The secrets of `NAME=FILE` and `NAME` words, and of values that the caller has. The latter are taken from the environment and removed from it, so that no
 * child process inherits them.
 * Fails as `usage` for a malformed word, a name given twice, and a name that no layer declares.
 */
export function givenSecrets(
  words: readonly string[],
  layers: readonly Layer[],
  environment: NodeJS.ProcessEnv,
  values: ReadonlyMap<string, string> = new Map(),
): Result<Secrets> {
  const given = new Map<string, Source>();
  const known = layers.flatMap((layer) => layer.hints.secrets.map((secret) => secret.name));
  for (const [name, value] of values) {
    if (!known.includes(name)) return undeclared(name, known);
    given.set(name, { content: Buffer.from(value) });
  }
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    if (!SECRET_NAME.test(name)) {
      return fail('usage', `--secret ${name}: not a secret`, {
        hint: 'write it as NAME=FILE, or NAME to take it from the environment',
      });
    }
    if (given.has(name)) return fail('usage', `--secret ${name} is given twice`);
    if (!known.includes(name)) return undeclared(name, known);
    const source = equals < 0 ? fromEnvironment(name, environment) : fromFile(word.slice(equals + 1), name);
    if (!source.ok) return source;
    given.set(name, source.value);
  }
  return ok({
    of: (layer) => secretsOf(layer, layer.hints.secrets, given),
    given: (layer) => {
      const secrets = layer.hints.secrets.filter(({ name }) => given.has(name));
      return secretsOf(layer, secrets, given);
    },
  });
}

function undeclared(name: string, known: readonly string[]): Result<never> {
  const hint = guessHint(name, known, 'declare it in a layer with "# vlb: secret NAME"');
  return fail('usage', `no layer has a secret ${name}`, { hint });
}

function fromEnvironment(name: string, environment: NodeJS.ProcessEnv): Result<Source> {
  const text = environment[name];
  if (text === undefined) {
    return fail('usage', `--secret ${name}: environment variable ${name} is not set`, {
      hint: `export it, or pass a file: --secret ${name}=FILE`,
    });
  }
  // Node has put this character in the place of bytes that are not UTF-8.
  if (text.includes('\ufffd')) {
    return fail('usage', `--secret ${name}: environment variable ${name} is not UTF-8`, {
      hint: `pass it as a file: --secret ${name}=FILE`,
    });
  }
  delete environment[name];
  return ok({ content: Buffer.from(text) });
}

function fromFile(file: string, name: string): Result<Source> {
  try {
    accessSync(file, constants.R_OK);
    return ok({ file });
  } catch (error) {
    return unreadable(`the file of secret ${name}`, file, error);
  }
}

function secretsOf(
  layer: Layer,
  declared: readonly SecretName[],
  given: Map<string, Source>,
): Result<readonly Secret[]> {
  const secrets: Secret[] = [];
  for (const { name, line } of declared) {
    const source = given.get(name);
    if (!source) {
      return fail('usage', `layer ${layer.name} requires the secret ${name}`, {
        where: { file: scriptFile(layer), line },
        hint: `pass --secret ${name}=FILE, or --secret ${name} to take it from the environment`,
      });
    }
    const content = contentOf(source, name);
    if (!content.ok) return content;
    given.set(name, { content: content.value }); // it may be a pipe, which can be read only once
    secrets.push({ name, content: content.value });
  }
  return ok(secrets);
}

function contentOf(source: Source, name: string): Result<Buffer> {
  if ('content' in source) return ok(source.content);
  // It may be a pipe: `--secret NAME=<(…)`.
  return readFile(source.file, { what: `the file of secret ${name}`, atMost: LARGEST, orPipe: true });
}
