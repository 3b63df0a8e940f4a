// The answers of a root shell, however they are cut into pieces.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { MarkedStream } from '../../../../src/host/root/marked-stream.ts';

const MOST = 64 * 1024 * 1024;

function streamOf(most = MOST) {
  const stream = new PassThrough();
  let isTooLong = false;
  const marked = new MarkedStream(stream, 'mark', most, () => {
    isTooLong = true;
  });
  return { stream, marked, isTooLong: () => isTooLong };
}

test('answers are found at whatever places they are cut', async () => {
  const said = 'one\n\nmark 0\nmark 1\nma\nmar\nmark 2\n\nmark 3\n';
  for (let size = 1; size <= said.length; size++) {
    const { stream, marked } = streamOf();
    for (let at = 0; at < said.length; at += size) stream.write(said.slice(at, at + size));
    const answers = [];
    for (let count = 0; count < 4; count++) answers.push(await marked.untilMark());
    assert.deepEqual(
      answers.map((answer) => [answer?.text, answer?.tail]),
      [
        ['one\n', '0'],
        ['', '1'],
        ['ma\nmar', '2'],
        ['', '3'],
      ],
      `pieces of ${size}`,
    );
    stream.end();
    assert.equal(await marked.untilMark(), undefined);
  }
});

test('what is passed on stays as it is when more comes', async () => {
  const { stream, marked } = streamOf();
  const pieces: Buffer[] = [];
  const answered = marked.untilMark((piece) => void pieces.push(piece));
  for (let line = 0; line < 1000; line++) {
    if (!stream.write(`line ${line}\n`)) await once(stream, 'drain');
    if (line % 100 === 0) await new Promise(setImmediate);
  }
  stream.write('\nmark 0\n');
  assert.deepEqual(await answered, { text: '', tail: '0' });
  assert.equal(
    Buffer.concat(pieces).toString(),
    Array.from({ length: 1000 }, (_, line) => `line ${line}\n`).join(''),
  );
});

test('a long answer takes a time that is in proportion to its length', { timeout: 20_000 }, async () => {
  const { stream, marked } = streamOf();
  const answered = marked.untilMark();
  const piece = Buffer.alloc(4096, 'x');
  for (let count = 0; count < 12_000; count++) {
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.write('\nmark 0\n');
  assert.equal((await answered)?.text.length, 12_000 * 4096);
});

test('what follows a mark without the end of its line is no answer', async () => {
  const { stream, marked, isTooLong } = streamOf();
  const answered = marked.untilMark();
  stream.write(`\nmark ${'9'.repeat(1000)}`);
  assert.equal(await answered, undefined);
  assert.equal(isTooLong(), true);
});
