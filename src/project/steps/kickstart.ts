// Reads a kickstart file in the place of a layer.yaml: the same fields, each with its place in the kickstart.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { parseKickstart } from '../../kickstart/parse.ts';
import { fail, ok, type Result, type Where } from '../../model/failure.ts';
import type { Hints } from '../../model/project.ts';
import { systemOfKickstart } from '../../translate/kickstart/system.ts';
import { systemError } from '../../util/errors.ts';
import { realPathIfAny } from '../../util/fs.ts';
import { parseHints } from '../hints/parse.ts';
import { checkEncoding } from '../inputs/encoding.ts';
import { LARGEST_TEXT, readFile } from '../inputs/read-file.ts';
import type { StepsFile } from './file.ts';

export interface KickstartLayer {
  readonly file: StepsFile;
  readonly hints: Hints;
  /** Names of all files that it is read from, relative to the layer. */
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

/**
 * The name of the kickstart file of a layer without a script; undefined for none. Files that others include do not count. Fails as
 * `usage` for several.
 */
export function kickstartOf(directory: string): Result<string | undefined> {
  const names = readdirSync(directory).filter((name) => name.endsWith('.ks'));
  if (names.length < 2) return ok(names[0]);
  const included = names.flatMap((name) => {
    const read = readFile(path.join(directory, name), { what: name, atMost: LARGEST_TEXT });
    const text = read.ok ? read.value.toString() : '';
    return [...text.matchAll(/^%(?:include|ksappend)\s+["']?([^\s"']+)/gm)].map(([, file = '']) =>
      path.normalize(file),
    );
  });
  const [only, second] = names.filter((name) => !included.includes(name));
  if (second === undefined) return ok(only ?? names[0]);
  return fail('usage', `layer ${path.basename(directory)} has two kickstart files, ${only} and ${second}`, {
    where: { file: directory },
    hint: 'a layer has one, with %include for others',
  });
}

/**
 * The layer that a kickstart file describes. Fails as `usage`, with file and line.
 * @param directory absolute path of the layer
 */
export function readKickstart(directory: string, name: string): Result<KickstartLayer> {
  const texts = new Map<string, string>();
  const open = (file: string): Result<string> => {
    const place = path.join(directory, file);
    const read = readFile(place, { what: file, atMost: LARGEST_TEXT });
    if (!read.ok) return read;
    const encoded = checkEncoding(read.value, place, file);
    if (!encoded.ok) return encoded;
    texts.set(file, read.value.toString());
    return ok(read.value.toString());
  };
  const main = open(name);
  if (!main.ok) return main;
  let wrong: Result<never> | undefined;
  const parsed = parseKickstart(name, main.value, (wanted, from) => {
    const file = path.join(path.dirname(from), wanted);
    const real = path.isAbsolute(wanted) ? undefined : realPathIfAny(path.join(directory, file));
    if (!real?.startsWith(`${realPathIfAny(directory)}/`)) return undefined;
    const text = open(file);
    if (text.ok) return { file, text: text.value };
    wrong ??= text;
    return { file, text: '' };
  });
  if (wrong) return wrong;
  const fromScripts = parsed.ok ? parsed.value.fromScripts : [];
  /** What a script of %pre writes is where it is included. */
  const placeIn = ({ file, line = 1 }: Where) => {
    const place = fromScripts.find((one) => one.name === file)?.place ?? { file, line };
    return { file: path.join(directory, place.file), line: place.line, column: 1 };
  };
  const inLayer = <T>(result: Result<T>): Result<T> => {
    if (result.ok || !result.failure.where) return result;
    const { file, line } = placeIn(result.failure.where);
    return { ok: false, failure: { ...result.failure, where: { file, line } } };
  };
  if (!parsed.ok) return inLayer(parsed);
  const said = readComments(main.value, path.join(directory, name));
  if (!said.ok) return said;
  const { hints, ...given } = said.value;
  const made = systemOfKickstart(parsed.value, {
    ...given,
    passphrase: hints.passphrases[0],
    hash: (user, password) => hashOf(`${path.basename(directory)}:${user}`, password),
  });
  if (!made.ok) return inLayer(made);
  const { value, notes, placeOf } = made.value;
  return ok({
    hints,
    notes,
    files: [...texts.keys()],
    file: {
      name,
      text: [...texts.values()].join('\n'),
      value,
      placeOf: (field) => placeIn(placeOf(field) ?? { file: name, line: 1 }),
    },
  });
}

interface Comments {
  readonly hints: Hints;
  readonly distribution: string;
  readonly suite: string;
  readonly keyring: string | undefined;
  readonly size: string | undefined;
  readonly mirrors: readonly (readonly [from: string, to: string])[];
}

/** The hints that a kickstart has in addition to those of every layer, with the number of their arguments. */
const WORDS: Readonly<Record<string, { readonly count: number; readonly form: string }>> = {
  system: { count: 2, form: 'a distribution and a release, like "rocky 9"' },
  keyring: { count: 1, form: 'a file of the layer with the keys of packages' },
  mirror: { count: 2, form: 'the beginning of URLs, and what to use in its place' },
  'disk-size': { count: 1, form: 'a size like 20G' },
};

/** The comments above the first section: hints, and `#version=`. */
function readComments(text: string, file: string): Result<Comments> {
  const [top = ''] = text.split(/^%(?!include|ksappend)/m, 1);
  const given = new Map<string, readonly string[]>();
  const mirrors: [string, string][] = [];
  const others: string[] = [];
  for (const [index, line] of top.split(/\r?\n/).entries()) {
    const [, name = '', rest = ''] = /^#\s*vlb:\s*(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
    const word = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined;
    // Only comments can be hints, and commands are none of them.
    others.push(word || !line.startsWith('#') ? '' : line);
    if (!word) continue;
    const args = rest.split(/\s+/).filter(Boolean);
    if (args.length !== word.count) {
      return fail('usage', `the hint ${name} requires ${word.form}`, { where: { file, line: index + 1 } });
    }
    if (name === 'mirror') mirrors.push([args[0] ?? '', args[1] ?? '']);
    else given.set(name, args);
  }
  const hints = parseHints(others.join('\n'), file, 'layer.yaml');
  if (!hints.ok) return hints;
  const system = given.get('system') ?? distributionIn(text, path.basename(file));
  if (!system) {
    return fail('usage', 'the kickstart does not say of which distribution it is', {
      where: { file, line: 1 },
      hint: 'add a line at its top: # vlb: system rocky 9',
    });
  }
  const [distribution = '', suite = ''] = system;
  const [keyring] = given.get('keyring') ?? [];
  const [size] = given.get('disk-size') ?? [];
  return ok({ hints: hints.value, distribution, suite, keyring, size, mirrors });
}

/** How files and repositories name distributions. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/almalinux[-/.]v?(\d+)/i, 'alma'],
  [/rocky(?:linux)?[-/.]v?(\d+)/i, 'rocky'],
  [/centos-?stream[-/.]?(\d+)|centos[-/](\d+)-stream|\b(\d+)-stream\b/i, 'centos-stream'],
  [/fedora(?:-[a-z]+)*[-/.](\d+)|\bfedora\/(?:linux\/)?releases\/(\d+)/i, 'fedora'],
  [/rhel[-/.]?(\d+)/i, 'rhel'],
  [/amazon-?linux[-/.]?(\d+)/i, 'amazon'],
];

/** By `#version=`, what its repositories are called, or its own name. */
function distributionIn(text: string, name: string): readonly [string, string] | undefined {
  const [, kind = '', number] = /^#version=\s*(F|FC|RHEL|CENTOS)(\d+)/im.exec(text) ?? [];
  const sources = [...text.matchAll(/^(?:url|repo)\s.*$/gm)].map(([line]) => line);
  for (const source of [...sources, name]) {
    for (const [form, distribution] of NAMES) {
      const release = form
        .exec(source)
        ?.slice(1)
        .find((one) => one !== undefined);
      if (release !== undefined) return [distribution, release];
    }
  }
  if (number === undefined) return undefined;
  return [/^f/i.test(kind) ? 'fedora' : kind.toUpperCase() === 'RHEL' ? 'rhel' : 'centos-stream', number];
}

/** The hash of a password as crypt(5) has it, the same each time. @param salt what the salt is made of */
function hashOf(salt: string, password: string): Result<string> {
  const short = createHash('sha256').update(salt).digest('hex').slice(0, 16);
  try {
    const words = ['passwd', '-6', '-salt', short, '-stdin'];
    return ok(execFileSync('openssl', words, { input: password, encoding: 'utf8', stdio: 'pipe' }).trim());
  } catch (error) {
    return fail('host', `cannot hash a password: ${systemError(error).message}`, {
      hint: 'install openssl, or write the hash: --iscrypted',
    });
  }
}
