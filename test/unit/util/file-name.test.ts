// Names of files are bytes: nothing is lost between a disk, the comparison, and what is printed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAttributes } from '../../../src/host/view/file-details.ts';
import { parseDevices, parseList, splitNames } from '../../../src/host/view/file-list.ts';
import { readable } from '../../../src/report/text/diff.ts';
import { decodeName, encodeName } from '../../../src/util/file-name.ts';

test('any bytes become text and the same bytes again', () => {
  const names: readonly Buffer[] = [
    Buffer.from('plain'),
    Buffer.from('é\n€ 🙂'),
    Buffer.from('caf\xe9', 'latin1'),
    Buffer.from('\xff\xc3\xa9\xf0\x9f\x99', 'latin1'),
    Buffer.from('\xed\xb2\x80', 'latin1'), // a surrogate written as UTF-8 is none
    Buffer.from(Array.from({ length: 255 }, (_, byte) => byte + 1)),
  ];
  for (const name of names) {
    const text = decodeName(name);
    assert.deepEqual(encodeName(text), name);
    assert.deepEqual(encodeName(JSON.parse(JSON.stringify(text))), name, 'through JSON');
  }
  assert.equal(decodeName(Buffer.from('caf\xe9', 'latin1')), 'caf\udce9', 'as Python has it');
});

test('names are printed on one line that moves no cursor, as git does', () => {
  assert.equal(readable('/usr/lib/a b.ü'), '/usr/lib/a b.ü');
  assert.equal(readable('/a\nb\t"c"\\'), '"/a\\nb\\t\\"c\\"\\\\"');
  assert.equal(readable('/\x1b[31m\x7f\x9b'), '"/\\033[31m\\177\\302\\233"');
  assert.equal(readable('/caf\udce9'), '"/caf\\351"');
  assert.equal(readable('/a\u202eb'), '"/a\\342\\200\\256b"');
});

test('a list of names, whatever is in one of them', () => {
  assert.deepEqual(splitNames(Buffer.from('a\nb\0\0é\0')), ['a\nb', '', 'é']);
  assert.deepEqual(splitNames(Buffer.from('a\0\xff\0\xc3\xa9\0', 'latin1')), ['a', '\udcff', 'é']);
  assert.deepEqual(splitNames(Buffer.alloc(0)), []);
});

test('the list of a walk', () => {
  const devices = parseDevices(Buffer.from('8:1f\0./dev/sda\nb\0'));
  assert.deepEqual([...devices], [['/dev/sda\nb', '8:31']]);
  const fields = (...values: string[]) => values.map((value) => `${value}\0`).join('');
  const list = [
    fields('d', '755', '0', '0', '4096', '7', '2', '19', '9.5', '10.25', '', ''),
    fields('l', '777', '1', '2', '3', '7', '12', '1', '9.5', '10.25', 'a\nb', 'to\nc'),
    fields('b', '60', '0', '6', '0', '8', '13', '1', '9.5', '10.25', 'dev/sda\nb', ''),
  ].join('');
  const common = { modified: '9.5', changed: '10.25', fileSystem: '7' };
  assert.deepEqual(parseList(Buffer.from(list), devices, new Set(['8'])), [
    {
      ...common,
      path: '/',
      type: 'directory',
      mode: '0755',
      uid: 0,
      gid: 0,
      size: 4096,
      inode: '2',
      names: 19,
    },
    {
      ...common,
      path: '/a\nb',
      type: 'link',
      mode: '0777',
      uid: 1,
      gid: 2,
      size: 3,
      inode: '12',
      names: 1,
      target: 'to\nc',
    },
    {
      ...common,
      path: '/dev/sda\nb',
      type: 'block device',
      mode: '0060',
      uid: 0,
      gid: 6,
      size: 0,
      inode: '13',
      names: 1,
      device: '8:31',
      fileSystem: '8',
      changed: undefined,
    },
  ]);
});

test("getfattr's dump", () => {
  const dump = `# file: a\\012b\\134c=d
user.a\\075b=0x31
user.empty

# file: .
security.capability=0x0100

# file: .hidden/\xff
user.x=0x
`;
  assert.deepEqual(
    [...parseAttributes(Buffer.from(dump, 'latin1'))],
    [
      ['/a\nb\\c=d', { 'user.a=b': '0x31', 'user.empty': '' }],
      ['/', { 'security.capability': '0x0100' }],
      ['/.hidden/\udcff', { 'user.x': '0x' }],
    ],
  );
});
