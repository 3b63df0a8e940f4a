// Kickstart files: their words, sections and includes, and what is wrong with them, with file and line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Kickstart, parseKickstart } from '../../../src/kickstart/parse.ts';
import { argumentsOf, wordsOf } from '../../../src/kickstart/words.ts';

const FILES: Readonly<Record<string, string>> = {
  'more.ks': 'lang de_DE\n%include deep.ks\n',
  'deep.ks': 'keyboard de\n',
  names: 'vim\n@core\n',
  'loop.ks': '%include loop.ks\n',
};

function parse(text: string) {
  return parseKickstart('web.ks', text, (name) => {
    const found = FILES[name];
    return found === undefined ? undefined : { file: name, text: found };
  });
}

function parsed(text: string): Kickstart {
  const result = parse(text);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

/** `PLACE command word word` and `PLACE %section word: line|line`. */
function shown(text: string): string[] {
  return parsed(text).parts.map((part) => {
    const place = `${part.place.file}:${part.place.line}`;
    const words = [part.name, ...part.words].join(' ');
    if (part.type === 'command') return `${place} ${words}`;
    return `${place} %${words}: ${part.lines.map((line) => line.text).join('|')}`;
  });
}

test('words are those of a shell', () => {
  assert.deepEqual(wordsOf(`a "b c" 'd "e' f\\ g "h\\"i" j#k # comment`), [
    'a',
    'b c',
    'd "e',
    'f g',
    'h"i',
    'j#k',
  ]);
  assert.deepEqual(wordsOf('--append="console=tty0 quiet" \'\''), ['--append=console=tty0 quiet', '']);
  assert.equal(wordsOf('a "b'), undefined);
  assert.deepEqual(wordsOf(''), []);
});

test('options have their values behind an equals sign, or in the next word', () => {
  const { options, others } = argumentsOf(['--size=5', '--fstype', 'ext4', '--grow', '/'], ['fstype']);
  assert.deepEqual(
    [...options],
    [
      ['size', '5'],
      ['fstype', 'ext4'],
      ['grow', ''],
    ],
  );
  assert.deepEqual(others, ['/']);
});

test('commands, sections, comments, CRLF, tabs, and bytes of Latin-1', () => {
  const text = '#version=RHEL9\r\nlang\ten_US\r\n\r\n%packages --nocore\r\n@core\r\n# caf\ufffd\r\n%end\r\n';
  assert.deepEqual(shown(text), ['web.ks:2 lang en_US', 'web.ks:4 %packages --nocore: @core|# caf\ufffd']);
});

test('includes are in their places, in packages too, and not in scripts', () => {
  const text = 'text\n%include more.ks\n%packages\n%include names\n%end\n%post\n%include names\n%end\n';
  assert.deepEqual(shown(text), [
    'web.ks:1 text',
    'more.ks:1 lang de_DE',
    'deep.ks:1 keyboard de',
    'web.ks:3 %packages: vim|@core|',
    'web.ks:6 %post: %include names',
  ]);
  assert.deepEqual(parsed('%ksappend gone.ks\n').missing, [
    { name: 'gone.ks', place: { file: 'web.ks', line: 1 } },
  ]);
});

test('what a script of %pre writes is included from there', () => {
  const { parts, fromScripts } = parsed(
    '%pre\ncat > /tmp/part.ks <<EOF\npart / --onpart=sda1\nEOF\n%end\n%include /tmp/part.ks\n',
  );
  assert.equal(fromScripts.length, 1);
  const [, part] = parts;
  assert.deepEqual(part, {
    type: 'command',
    name: 'part',
    words: ['/', '--onpart=sda1'],
    place: { file: '/tmp/part.ks', line: 1 },
  });
});

test('files from before there was an %end', () => {
  assert.deepEqual(shown('text\n%packages\nvim\n%post\necho a\n'), [
    'web.ks:1 text',
    'web.ks:2 %packages: vim',
    'web.ks:4 %post: echo a|',
  ]);
});

for (const [text, message, line] of [
  ['%include loop.ks\n', 'files include each other in a cycle: loop.ks → loop.ks', 1],
  ['lang "en\n', 'a quote is not closed', 1],
  ['%end\n', '%end without a section', 1],
  ['text\n%packagez\n%end\n', 'unknown section %packagez', 2],
  ['%include\n', '%include requires a file', 1],
  ['%packages\n%end\n%post\necho\n', '%post has no %end', 3],
] as const) {
  test(`an error with its line: ${message}`, () => {
    const result = parse(text);
    assert.ok(!result.ok);
    assert.equal(result.failure.message, message);
    assert.equal(result.failure.where?.line, line);
  });
}
