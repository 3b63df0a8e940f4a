// What differs between two disks, as it is printed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiskDiff, FileDifference, FileState } from '../../../../src/model/disk-diff.ts';
import { createStyle } from '../../../../src/report/terminal/style.ts';
import { diffSummary, diffText } from '../../../../src/report/text/diff.ts';

const FILE: FileState = { type: 'file', mode: '0644', uid: 0, gid: 0, size: 1 };
const added = (path: string, bytes: number, state: Partial<FileState> = {}): FileDifference => ({
  change: 'added',
  path,
  bytes,
  after: { ...FILE, ...state },
  what: [],
});
const changed = (path: string, bytes: number, what: FileDifference['what']): FileDifference => ({
  change: 'changed',
  path,
  bytes,
  before: FILE,
  after: FILE,
  what,
});

const DIFF: DiskDiff = {
  before: '10_base',
  after: '20_app',
  packages: [
    {
      change: 'upgraded',
      database: 'dpkg',
      name: 'libc6',
      architecture: 'amd64',
      before: '2.36-9',
      after: '2.36-10',
    },
    { change: 'added', database: 'dpkg', name: 'nginx', architecture: 'all', after: '1.22.1-9' },
    { change: 'added', database: 'dpkg', name: 'zlib', architecture: 'amd64', after: '1' },
    { change: 'removed', database: 'dpkg', name: 'zlib', architecture: 'i386', before: '1' },
  ],
  files: [
    added('/usr/sbin/nginx', 1_258_291),
    changed('/etc/passwd', 1536, [{ aspect: 'content' }, { aspect: 'mode', before: '0600', after: '0644' }]),
    { ...added('/usr/sbin/copy', 0), linkOf: '/usr/sbin/nginx' },
    added('/etc/nginx', 0, { type: 'directory' }),
    added('/etc/nginx/a\nb', 0),
    added('/srv/empty', 0, { type: 'directory' }),
    added('/srv/link', 0, { type: 'link', target: 'some\twhere' }),
    { change: 'removed', path: '/var/old', bytes: 0, before: { ...FILE, type: 'socket' }, what: [] },
    changed('/', 0, [{ aspect: 'owner', before: '0:0', after: '1:1' }]),
    changed('/bin/ping', 0, [
      { aspect: 'attribute', name: 'security.capability', after: '0x01' },
      { aspect: 'attribute', name: 'system.posix_acl_access', before: '0x01' },
      { aspect: 'attribute', name: 'user.x', before: '0x01', after: '0x02' },
    ]),
    changed('/lib', 0, [{ aspect: 'type', before: 'directory', after: 'link' }]),
  ],
  notes: [],
};

const PLAIN = createStyle(false);

test('a line for each package and file', () => {
  assert.equal(
    diffText(DIFF, PLAIN),
    `packages: 2 added, 1 removed, 1 upgraded
  upgraded  libc6       2.36-9 → 2.36-10
  added     nginx       1.22.1-9
  added     zlib:amd64  1
  removed   zlib:i386   1
files: 5 added, 1 removed, 4 changed
  added    1.2 MiB  /usr/sbin/nginx
  changed  1.5 KiB  /etc/passwd  (content, mode 0600 → 0644)
  added             /usr/sbin/copy  (hard link to /usr/sbin/nginx)
  added             "/etc/nginx/a\\nb"
  added             /srv/empty/
  added             /srv/link -> "some\\twhere"
  removed           /var/old
  changed           /  (owner 0:0 → 1:1)
  changed           /bin/ping  (capabilities added, ACL removed, attribute user.x changed)
  changed           /lib  (directory → link)`,
  );
});

test('a line for each of the top directories', () => {
  assert.equal(
    diffSummary(DIFF, PLAIN),
    `packages: 2 added, 1 removed, 1 upgraded
 /usr/sbin | 2  1.2 MiB ++
 /etc      | 2  1.5 KiB +~
 /srv      | 2      0 B ++
 /         | 2      0 B ~~
 /var      | 1      0 B -
 /bin      | 1      0 B ~
files: 5 added, 1 removed, 4 changed, 1.2 MiB`,
  );
});

test('nothing', () => {
  const same = { ...DIFF, packages: [], files: [] };
  assert.equal(diffText(same, PLAIN), '10_base and 20_app contain the same files');
  assert.equal(diffSummary(same, PLAIN), '10_base and 20_app contain the same files');
});

test('a very long list', () => {
  const files = Array.from({ length: 300_000 }, (_, at) => added(`/${at}`, 1));
  assert.equal(diffText({ ...DIFF, packages: [], files }, PLAIN).split('\n').length, 300_001);
});

test('many files are drawn in thirty columns', () => {
  const files = Array.from({ length: 1000 }, (_, at) => added(`/usr/lib/${at}`, 1));
  const removed: FileDifference = { change: 'removed', path: '/usr/lib/x', bytes: 0, before: FILE, what: [] };
  const line = diffSummary({ ...DIFF, packages: [], files: [...files, removed] }, PLAIN).split('\n')[0];
  assert.equal(line, ` /usr/lib | 1001  1000 B ${'+'.repeat(30)}-`);
});
