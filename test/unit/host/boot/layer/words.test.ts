// What a guest says about its script: a hostile one can say nothing else.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { readWords, type Word, wordOf } from '../../../../../src/host/boot/layer/words.ts';

test('only known words count, and only statuses that a process can have', () => {
  assert.deepEqual(wordOf('taken'), { type: 'taken' });
  assert.deepEqual(wordOf('started'), { type: 'started' });
  assert.deepEqual(wordOf('exit 0'), { type: 'exit', status: 0 });
  assert.deepEqual(wordOf('exit 255'), { type: 'exit', status: 255 });
  for (const line of [
    '',
    'Taken',
    'taken ',
    'exit',
    'exit 256',
    'exit -1',
    'exit 1 2',
    'exit 0x1',
    'exit 1\r',
  ]) {
    assert.equal(wordOf(line), undefined, line);
  }
});

test('words arrive cut anywhere, between bytes of any kind', () => {
  const text = Buffer.concat([
    Buffer.from('taken\n'),
    Buffer.alloc(5 * 1024 * 1024, 0xff),
    Buffer.from('\nstarted\nexit 194\nexit 1'),
  ]);
  for (const size of [1000, 65536, text.length]) {
    const words: Word[] = [];
    const stream = new PassThrough();
    readWords(stream, (word) => words.push(word));
    for (let at = 0; at < text.length; at += size) stream.emit('data', text.subarray(at, at + size));
    assert.deepEqual(words, [{ type: 'taken' }, { type: 'started' }, { type: 'exit', status: 194 }]);
  }
});
