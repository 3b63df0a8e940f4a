// Console output as plain text, however it is cut into chunks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConsoleTail } from '../../../../../src/host/boot/console/tail.ts';
import { createConsoleCleaner } from '../../../../../src/host/boot/console/text.ts';

function clean(...chunks: (string | Uint8Array)[]): string {
  const cleaner = createConsoleCleaner();
  return chunks.map((chunk) => cleaner(Buffer.from(chunk as string))).join(''); // Buffer.from takes both
}

const CASES: readonly (readonly [name: string, input: string, text: string])[] = [
  ['plain', 'a\nb', 'a\nb'],
  ['line ends', 'a\r\nb\r\r\nc', 'a\nb\nc'],
  ['a progress bar', '10%\r20%\r', '10%\n20%\n'],
  ['colors', '\x1b[0;1;31mred\x1b[0m \x1b[38;5;9mx\x1b[m', 'red x'],
  ['cursor movement sets apart', 'a\x1b[2;1Hb\x1b[2Jc', 'a\nb\nc'],
  ['terminal resets', '\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS', 'SeaBIOS'],
  ['window titles', '\x1b]0;root@host\x07$ \x1b]2;x\x1b\\# ', '$ # '],
  ['systemd’s OSC 3008', '\x1b]3008;start=1;machineid=2\x1b\\ok', 'ok'],
  ['character sets', '\x1b(Bx\x1b)0y\x1b=z', 'xyz'],
  ['control characters', 'a\0b\x07c\x7fd\te', 'abcd\te'],
  ['control characters of C1, which some terminals obey', 'a\u009b31mb\u0085c', 'a31mbc'],
  ['an escape inside a sequence', '\x1b[3\x1b[1mx', 'x'],
  ['sequences that systemd cut', '\x1b[0;1m\x1b…POSIX\r\n\x1b[0;1…- Kernel\x1b[0m', '…POSIX\n…- Kernel'],
  ['a string that never ends', '\x1bP rest\r\nlogin: ', '\nlogin: '],
  ['umlauts', 'für €', 'für €'],
];

for (const [name, input, text] of CASES) {
  test(`${name}, in one piece and byte by byte`, () => {
    assert.equal(clean(input), text);
    assert.equal(clean(...[...Buffer.from(input)].map((byte) => Uint8Array.of(byte))), text);
  });
}

test('bytes that are no UTF-8 do no harm', () => {
  assert.equal(clean(Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0x62])), 'a\ufffd\ufffd\ufffdb');
});

test('a string that is too long is text', () => {
  assert.equal(clean('\x1b]', 'x'.repeat(1000)), 'x'.repeat(1000 - 512));
});

test('the tail keeps the last lines, in bounded memory', () => {
  const tail = new ConsoleTail();
  for (let line = 0; line < 200_000; line++) tail.add(`line ${line}\n\n`);
  tail.add('again\nagain\nend');
  assert.deepEqual(tail.lines(4), ['line 199998', 'line 199999', 'again', 'end']);
  assert.ok(tail.lines(1_000_000).join('\n').length <= 128 * 1024);
});
