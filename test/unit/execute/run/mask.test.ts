// Secrets in a script's output: masked wherever chunks are cut, and everything else unchanged.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SecretMask } from '../../../../src/execute/run/mask.ts';

function masked(secrets: readonly (string | Buffer)[], chunks: readonly string[]): string {
  const mask = new SecretMask(secrets.map((content) => ({ name: 'x', content: Buffer.from(content) })));
  const parts = chunks.map((chunk) => mask.write(Buffer.from(chunk)));
  return Buffer.concat([...parts, mask.end()]).toString();
}

describe('what is masked', () => {
  for (const [what, secrets, output, shown] of [
    ['a value', ['hunter22'], 'it is hunter22.\n', 'it is ***.\n'],
    ['a file that ends with a newline', ['hunter22\n'], 'hunter22', '***'],
    ['each of several', ['one-secret', 'another'], 'another one-secret another', '*** *** ***'],
    ['side by side', ['hunter22'], 'hunter22hunter22', '******'],
    ['each line of a value', ['line one\r\n  line two\n'], 'line two\r\nline one\n', '***\r\n***\n'],
    ['the longer of two that begin alike', ['hunter22', 'hunter22-and-more'], 'hunter22-and-more', '***'],
    ['both of two that overlap', ['abcdef', 'defghi'], '-abcdefghi-', '-***-'],
    ['a value that overlaps itself', ['aaaa'], 'aaaaaa b', '*** b'],
  ] as const) {
    test(what, () => assert.equal(masked(secrets, [output]), shown));
    test(`${what}, one byte a chunk`, () => {
      const one = masked(secrets, [...output]);
      assert.equal(one.replaceAll(/(?:\*\*\*)+/g, '*'), shown.replaceAll(/(?:\*\*\*)+/g, '*'));
    });
  }
});

describe('what is not', () => {
  for (const [what, secrets, output] of [
    ['without secrets', [], 'hunter22'],
    ['an empty secret', [''], 'hunter22'],
    ['a value of less than four bytes', ['abc'], 'abc'],
    ['another form of it', ['hunter22'], Buffer.from('hunter22').toString('base64')],
    ['the beginning of a value at the end of the output', ['hunter22'], 'hunter2'],
  ] as const) {
    test(what, () => assert.equal(masked(secrets, [output]), output));
  }

  test('bytes that are not UTF-8', () => {
    const mask = new SecretMask([{ name: 'x', content: Buffer.from([0xff, 0xfe, 0, 1, 2]) }]);
    assert.deepEqual(
      [...mask.write(Buffer.from([0x80, 0xff, 0xfe, 0, 1, 2, 0xc3])), ...mask.end()],
      [0x80, 0x2a, 0x2a, 0x2a, 0xc3],
    );
  });
});

test('only what may become a value is held back', () => {
  const mask = new SecretMask([{ name: 'x', content: Buffer.from('hunter22') }]);
  assert.equal(mask.write(Buffer.from('password? hun')).toString(), 'password? ');
  assert.equal(mask.write(Buffer.from('ger\n')).toString(), 'hunger\n');
});

test('endless repetitions of a value do not pile up', () => {
  const mask = new SecretMask([{ name: 'x', content: Buffer.from('aaaa') }]);
  for (let chunk = 0; chunk < 100; chunk++) {
    const shown = mask.write(Buffer.from('a'.repeat(4096))).toString();
    assert.doesNotMatch(shown, /a/);
  }
  assert.doesNotMatch(mask.end().toString(), /a/);
});
