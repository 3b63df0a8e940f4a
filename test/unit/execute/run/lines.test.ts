// Output cut into lines, however it arrives.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LineSplitter } from '../../../../src/execute/run/lines.ts';

function split(...chunks: readonly (string | Buffer)[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.write(Buffer.from(chunk));
  splitter.end();
  return lines;
}

test('lines, empty ones too, and a last one without its end', () => {
  assert.deepEqual(split('a\n\nb\nc'), ['a', '', 'b', 'c']);
  assert.deepEqual(split(''), []);
  assert.deepEqual(split('\n'), ['']);
});

test('a text gives the same lines wherever it is cut', () => {
  const text = Buffer.from('eins\r\nzwölf\n€ 😀 \n10%\r50%\r100%\nend');
  const whole = split(text);
  assert.deepEqual(whole, ['eins', 'zwölf', '€ 😀 ', '100%', 'end']);
  for (let at = 0; at <= text.length; at++) {
    assert.deepEqual(split(text.subarray(0, at), text.subarray(at)), whole, `cut at ${at}`);
  }
  assert.deepEqual(split(...Array.from(text, (byte) => Buffer.from([byte]))), whole, 'byte by byte');
});

test('a line is handed on when its end comes, not later', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  splitter.write(Buffer.from('a\nb'));
  assert.deepEqual(lines, ['a']);
  splitter.write(Buffer.from('c\n'));
  assert.deepEqual(lines, ['a', 'bc']);
  splitter.end();
  splitter.end();
  assert.deepEqual(lines, ['a', 'bc']);
});

test('bytes that are no UTF-8 stand out and lose nothing else', () => {
  assert.deepEqual(split(Buffer.from([0x61, 0xff, 0x62, 0x0a])), ['a\ufffdb']);
  assert.deepEqual(split(Buffer.from([0x61, 0xe2, 0x82])), ['a\ufffd'], 'a character that never ends');
});

describe('carriage returns', () => {
  for (const [text, line] of [
    ['10%\r50%\r100%\n', '100%'],
    ['10%\r50%\r', '50%'],
    ['windows\r\n', 'windows'],
    ['terminal\r\r\n', 'terminal'],
    ['old\rnew\r\n', 'new'],
    ['\rnew', 'new'],
  ] as const) {
    test(JSON.stringify(text), () => assert.deepEqual(split(text), [line]));
  }
});

describe('a line without an end', () => {
  const LONGEST = 16 * 1024;

  test('comes in pieces, all of it and in order', () => {
    const text = Array.from({ length: 20_000 }, (_, index) => `${index},`).join('');
    const pieces = split(...(text.match(/.{1,4096}/g) ?? []));
    assert.equal(pieces.join(''), text);
    assert.ok(pieces.length > 1);
    for (const piece of pieces) assert.ok(piece.length <= LONGEST, `${piece.length}`);
  });

  test('is not held back', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (let index = 0; index < 64; index++) splitter.write(Buffer.alloc(LONGEST, 'x'));
    assert.ok(lines.length >= 63);
  });

  test('is in pieces even when its end comes in the same chunk', () => {
    for (const piece of split(`${'x'.repeat(100_000)}\nnext\n`))
      assert.ok(piece.length <= LONGEST, `${piece.length}`);
  });

  test('is not cut within a character', () => {
    for (const offset of [0, 1]) {
      const pieces = split(`${'x'.repeat(offset)}${'😀'.repeat(LONGEST)}`);
      assert.ok(pieces.every((piece) => piece.isWellFormed()));
    }
  });
});
