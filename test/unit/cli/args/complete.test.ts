// What the last word of a command line could become; and what is known of the commands because yargs is told it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { type CommandText, commandTree } from '../../../../src/cli/args/command-tree.ts';
import { complete, type Names } from '../../../../src/cli/args/complete.ts';
import { HELP_TOPICS, hintsText } from '../../../../src/cli/args/help.ts';
import { allCommands } from '../../../../src/cli/args/parse.ts';
import { VLB_WORDS } from '../../../../src/project/hints/words.ts';

const ROOT = allCommands();
const asked: (string | undefined)[] = [];
const NAMES: Names = {
  layers(directory) {
    asked.push(directory);
    return ['10_base', '20_app', '30_web'];
  },
  images: async () => ['site'],
};

/** The candidates for a command line, behind what the shell adds. */
async function words(...line: readonly string[]): Promise<string> {
  const { candidates, also } = await complete(ROOT, HELP_TOPICS, line, NAMES);
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
    [['completion', ''], 'bash zsh'],
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

describe('every command', () => {
  const all = (command: CommandText, name: string): [string, CommandText][] => [
    [name, command],
    ...command.commands.flatMap((below) => all(below, `${name} ${below.name}`)),
  ];
  for (const [name, command] of all(ROOT, 'vlb')) {
    test(`${name} has examples, and a text for each option and argument`, () => {
      assert.ok(command.examples.length > 0, 'no example');
      for (const [line, meaning] of command.examples) {
        assert.match(line, /vlb/);
        assert.notEqual(meaning, '', line);
      }
      for (const { name: own, text } of [...command.options, ...command.arguments]) {
        assert.notEqual(text, '', `nothing says what ${own} is`);
      }
    });
  }
});

test('a command that is registered is known, with all that is told of it; a hidden one is not', () => {
  const tree = commandTree((parser) =>
    parser
      .command('new <layer> [more..]', 'does it', (own) =>
        own
          .positional('layer', { type: 'string', describe: 'which' })
          .option('jobs', { alias: 'j', type: 'number', requiresArg: true, describe: 'N at once' })
          .option('loud', { type: 'boolean', describe: 'say more' })
          .conflicts('jobs', 'loud')
          .example('$0 new x', 'for x'),
      )
      .command('hidden', false, (own) => own),
  );
  assert.deepEqual(
    tree.commands.map(({ name }) => name),
    ['new'],
  );
  const [found] = tree.commands;
  assert.deepEqual(found?.options, [
    { name: 'jobs', alias: 'j', text: 'N at once', value: 'N', optional: false, choices: [], list: false },
    {
      name: 'loud',
      alias: undefined,
      text: 'say more',
      value: undefined,
      optional: false,
      choices: [],
      list: false,
    },
  ]);
  assert.deepEqual(found?.arguments, [
    { name: 'layer', text: 'which', value: 'LAYER', choices: [], rest: false },
    { name: 'more', text: '', value: 'MORE', choices: [], rest: true },
  ]);
  assert.deepEqual(found?.examples, [['vlb new x', 'for x']]);
});

test('help tells every hint, and the documents name them all', () => {
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
