// The words that the last word of a command line can become; the texts of the table, and what is made from them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { complete, type Names } from '../../../../src/cli/args/complete.ts';
import { commandsPage } from '../../../../src/cli/args/docs.ts';
import { formatsText, hintsText } from '../../../../src/cli/args/help.ts';
import { manPage } from '../../../../src/cli/args/man.ts';
import { COMMANDS, ROOT } from '../../../../src/cli/args/table/table.ts';
import type { Command } from '../../../../src/cli/args/table/types.ts';
import { FORMAT_NAMES, formatOptions } from '../../../../src/model/machine/format.ts';
import { VLB_WORDS } from '../../../../src/project/hints/words.ts';

const asked: (string | undefined)[] = [];
const NAMES: Names = {
  layers(directory) {
    asked.push(directory);
    return ['10_base', '20_app', '30_web'];
  },
  images: async () => ['site'],
  machines: async () => ['web'],
};

/** The candidates for a command line, behind what the shell adds. */
async function words(...line: readonly string[]): Promise<string> {
  const { candidates, also } = await complete(line, NAMES);
  return [...(also ? [`:${also}`] : []), ...candidates.map(({ word }) => word)].join(' ');
}

describe('completion', () => {
  for (const [line, expected] of [
    [['gra'], 'graph'],
    [['cache', ''], 'du ls gc push pull prefetch verify clear keygen'],
    [['cache', 'gc', '--max'], '--max-size --max-age'],
    [['build', '--max'], ''],
    [['build', '--debug', '--de'], ''],
    [['build', '--par'], '--param'],
    [['build', '-p', 'A=1', '--par'], '--param'],
    [['build', ''], 'site 10_base 20_app 30_web'],
    [['build', '20_app', ''], 'site 10_base 30_web'],
    [['build', 'w'], 'web'],
    [['build', '--', '1'], '10_base'],
    [['build', '--', '--fl'], ''],
    [['build', '-j', ''], ''],
    [['build', '-j', '4', '1'], '10_base'],
    [['build', '-j4', '1'], '10_base'],
    [['build', '-kj', ''], ''],
    [['build', '-nk', '1'], '10_base'],
    [['build', '--last=2'], '20_app'],
    [['build', '--last', '2'], '20_app'],
    [['build', '--progress', ''], 'auto tty plain quiet json'],
    [['graph', '--format=m'], 'mermaid'],
    [['build', '--secret', ''], ''],
    [['-C', ''], ':directories'],
    [['why', '10_base', ''], ''],
    [['new-layer', ''], ''],
    [['test-boot', ''], ':files site 10_base 20_app 30_web'],
    [['diff', '20'], ':files 20_app'],
    [['completion', ''], 'bash zsh fish'],
    [['store', 'g'], 'gc'],
    [['cac'], ''],
    [['help', 'h'], 'help hints'],
    [['help', 'cache', 'g'], 'gc'],
    [['help', 'build', ''], ''],
    [['nonsense', ''], ''],
  ] as const) {
    test(`vlb ${line.join(' ')}`, async () => assert.equal(await words(...line), expected));
  }

  test('layers are those of the project that -C names', async () => {
    for (const line of [
      ['-C', '/x', 'build', '1'],
      ['build', '-C', '/x', '1'],
      ['build', '-C/x', '1'],
    ]) {
      asked.length = 0;
      assert.equal(await words(...line), '10_base');
      assert.deepEqual(asked, ['/x'], line.join(' '));
    }
  });
});

for (const [path, command] of Object.entries<Command>({ ...COMMANDS, vlb: ROOT })) {
  test(`${path} has examples, and a text for each option and argument`, () => {
    assert.ok(command.examples.length > 0, 'no example');
    for (const [line, meaning] of command.examples) {
      assert.match(line, /vlb/);
      assert.notEqual(meaning, '', line);
    }
    const texts = { ...command.options, ...command.arguments };
    for (const [name, { text, value, choices }] of Object.entries(texts)) {
      assert.notEqual(text, '', name);
      const named = value === undefined || choices || value.split(/[=:]/).some((word) => text.includes(word));
      assert.ok(named, `the text of ${name} does not name its value, ${value}`);
    }
  });
}

test('docs/commands.md is that of the table: run `npm run docs`', () => {
  const file = path.resolve(import.meta.dirname, '../../../../docs/commands.md');
  assert.equal(readFileSync(file, 'utf8'), commandsPage());
});

test('help lists every format with its options, and the manual page too', () => {
  const page = manPage([], '1');
  for (const columns of [60, 80]) {
    const text = formatsText(columns);
    assert.ok(text.split('\n').every((line) => line.length <= columns));
    for (const name of FORMAT_NAMES) {
      const [, part = ''] = new RegExp(`\n  ${name} ((?:.*\n(?!  \\S))*.*)`).exec(text) ?? [];
      assert.notEqual(part, '', name);
      for (const option of Object.keys(formatOptions(name)))
        assert.match(part, new RegExp(`\n    ${option}: `));
      assert.ok(page.includes(`\\fB${name.replaceAll('-', '\\-')}\\fR`), name);
    }
  }
});

test('help lists every hint, and the documents name them all', () => {
  for (const columns of [40, 80]) {
    const text = hintsText(Object.values(VLB_WORDS), columns);
    for (const { form } of Object.values(VLB_WORDS))
      assert.ok(text.includes(`  # vlb: ${form}\n      `), form);
    assert.ok(text.split('\n').every((line) => line.length <= columns));
  }
  const page = readFileSync(path.resolve(import.meta.dirname, '../../../../docs/layers.md'), 'utf8');
  for (const [word, { form }] of Object.entries(VLB_WORDS)) {
    assert.equal(form.split(' ', 1)[0], word);
    assert.match(page, new RegExp(`\`# (?:vlb: )?${word}[ \`]`), `docs/layers.md has no ${word}`);
  }
});
