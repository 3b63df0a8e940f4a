// Hostile values in every text of every verb: each is refused, or arrives as data in what the step compiles to.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseDocument, visit } from 'yaml';
import type { Distribution } from '../../../src/distro/distribution.ts';
import { ok } from '../../../src/model/failure.ts';
import { VERBS } from '../../../src/steps/registry.ts';
import type { LayerFiles } from '../../../src/steps/verb.ts';
import { ALPINE, ARCH, compile, DEBIAN, LEAP, ROCKY } from '../../rig/steps/compiled.ts';

const SYSTEMS: readonly Distribution[] = [DEBIAN, ROCKY, LEAP, ALPINE, ARCH];
/** What a shell would run if it took a value for code. */
const COMMAND = 'pwned';
/** It, where a shell expects a command. A file can be named after a value, with what is special taken out. */
const RUN = /(?:^|[;|&({`\n!])[ \t]*pwned/;
/** It in a word that a program would take for an option, and not for the value of one. */
const OPTION = /(?<!\s-[\w-]*|printf (?:%s|'%s\\n'))\s'-[^']*pwned/;

const VALUE = fc
  .array(
    fc.constantFrom(
      ...["'", '"', '\\', '\n', '\r', ' ', '`', '$(', ')', ';', '|', '&', '<', '>', '#', '-', '--', ':', ','],
      ...['/', '=', '!', '*', '{', '}', '[', ']', '%', '@', '~', 'é', 'EOF', '\nEOF\n', '{{', '}}', 'a'],
    ),
    { maxLength: 8 },
  )
  .chain((parts) => fc.nat(parts.length).map((at) => parts.toSpliced(at, 0, COMMAND).join('')))
  // Otherwise it need not be quoted.
  .filter((value) => !/^[\w@%+=:,./-]*$/.test(value));

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKaE4VZ1vJqXf0Gm4Ww6mC2n9yYbqvXk7m3c2r1zQ5pT';
const FILES: LayerFiles = {
  read: (file) => ok(Buffer.from(file.endsWith('.pub') ? `${KEY}\n` : 'content\n')),
  match: (patterns) => patterns.map((pattern) => ({ path: pattern, type: 'file' })),
};

/** A here-document. */
const TEXT = /<<'(\w+)'[^\n]*\n[\s\S]*?\n\1(?=\n|$)/g;

type Path = readonly (string | number)[];

function argumentsOf(example: string): unknown {
  const document = parseDocument(example);
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'number') node.value = node.source;
    },
  });
  return Object.values(document.toJS())[0];
}

/** The places of all texts. */
function textsIn(value: unknown, at: Path = []): readonly { readonly at: Path; readonly text: string }[] {
  if (typeof value === 'string') return [{ at, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    textsIn(inner, [...at, Array.isArray(value) ? Number(name) : name]),
  );
}

function replaced(value: unknown, [first, ...rest]: Path, text: string): unknown {
  if (first === undefined) return text;
  if (Array.isArray(value))
    return value.map((one, index) => (index === first ? replaced(one, rest, text) : one));
  const entries = Object.entries(Object(value));
  return Object.fromEntries(
    entries.map(([name, inner]) => [name, name === first ? replaced(inner, rest, text) : inner]),
  );
}

/** What is data to a shell where it reads code: quoted texts, and escaped characters. */
const DATA = /^(?:'[^']*'|\\[\s\S])/;

/** What a shell takes for code: all but data, here-documents with a quoted end, and what is literal in double quotes. */
function codeOf(shell: string): string {
  let code = '';
  let at = 0;
  const ends: string[] = [];
  /** The open parentheses in each substitution of a text in double quotes, the innermost last; 'text' in the text itself. */
  const inside: (number | 'text')[] = [];
  while (at < shell.length) {
    const rest = shell.slice(at);
    const depth = inside.at(-1);
    if (depth === 'text') {
      if (rest.startsWith('"')) inside.pop();
      else if (rest.startsWith('$(')) inside.push(0);
      if (rest.startsWith('$(')) code += '$';
      if (rest.startsWith('`')) code += rest;
      at += rest.startsWith('\\') ? 2 : 1;
      continue;
    }
    const [here, end = ''] = /^<<'([^']*)'/.exec(rest) ?? [];
    const isComment = rest.startsWith('#') && /^\s?$/.test(shell.charAt(at - 1));
    const [data = here] = isComment ? (/^[^\n]*/.exec(rest) ?? []) : (DATA.exec(rest) ?? []);
    if (here !== undefined) ends.push(end);
    if (data !== undefined) {
      at += data.length;
      code += 'x';
    } else if (rest.startsWith('\n') && ends.length > 0) {
      const last = `\n${ends.shift()}`;
      const found = `${rest}\n`.indexOf(`${last}\n`);
      at += found < 0 ? rest.length : found + last.length;
    } else {
      if (rest.startsWith('"')) inside.push('text');
      if (depth !== undefined && rest.startsWith('(')) inside.splice(-1, 1, depth + 1);
      if (depth !== undefined && rest.startsWith(')')) {
        if (depth === 1) inside.pop();
        else inside.splice(-1, 1, depth - 1);
      }
      code += rest[0];
      at++;
    }
  }
  assert.deepEqual(inside, [], `an open quote in ${shell}`);
  return code;
}

suite('hostile values', () => {
  test('the shell’s own code is told from data', () => {
    assert.match(codeOf(`a '${COMMAND}'; ${COMMAND}`), RUN);
    assert.match(codeOf(`"$(${COMMAND})"`), RUN);
    assert.match(codeOf(`"a \`${COMMAND}\`"`), RUN);
    assert.match(codeOf(`"$(a "b" '(' && ${COMMAND})"`), RUN);
    assert.match(codeOf(`# x\n${COMMAND}`), RUN);
    assert.match(codeOf(`cat <<'E'\nx\nE\n${COMMAND}`), RUN);
    for (const data of [`'${COMMAND}'`, `"\\$(${COMMAND}"`, `a <<'E' >f\n${COMMAND}\nE\nb`, `"${COMMAND}"`]) {
      assert.doesNotMatch(codeOf(data), RUN, data);
    }
  });

  for (const verb of VERBS) {
    test(verb.name, () => {
      for (const example of verb.examples) {
        const args = argumentsOf(example);
        const places = textsIn(args).filter(({ at }) => {
          const isShell = verb.shell.length > 0 && at.length === 0;
          return !isShell && !verb.shell.includes(String(at[0]));
        });
        for (const { at, text } of places) {
          fc.assert(
            fc.property(
              VALUE,
              fc.constantFrom('', './', '/', `${text}`, `${text}/`, `${text} `, 'https://example.org/'),
              fc.constantFrom(...SYSTEMS),
              (value, prefix, distribution) => {
                const hostile = replaced(args, at, `${prefix}${value}`);
                const compiled = compile(verb.name, hostile, { files: FILES, distribution });
                if (!compiled.ok) return;
                assert.doesNotMatch(codeOf(compiled.value), RUN, compiled.value);
                assert.doesNotMatch(compiled.value.replaceAll(TEXT, ''), OPTION, compiled.value);
              },
            ),
            { numRuns: 60 },
          );
        }
        const shells = SYSTEMS.flatMap((distribution) => {
          const compiled = compile(verb.name, args, { files: FILES, distribution });
          return compiled.ok ? [compiled.value] : [];
        });
        for (const shell of new Set(shells)) {
          const { status, stderr } = spawnSync('/bin/sh', ['-n'], { input: shell, encoding: 'utf8' });
          assert.equal(status, 0, `${stderr}\n${shell}`);
        }
      }
    });
  }
});
