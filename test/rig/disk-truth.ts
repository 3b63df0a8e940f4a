// What differs between two images by a way that owes nothing to vlb: each is turned into a raw file and mounted through
// the kernel alone, every file is read, and nothing is taken on trust.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { asRoot } from './root.ts';

/** Lists a mounted tree as JSON lines `["path", "all that is known of it"]`; runs in a namespace of its own. */
const WALK = `
const { createHash } = require('node:crypto');
const { execFileSync } = require('node:child_process');
const { lstatSync, readdirSync, readFileSync, readlinkSync } = require('node:fs');
const root = process.argv[1];
const found = [];
const look = (name, inside) => {
  const stat = lstatSync(name, { bigint: true });
  const status = [stat.mode, stat.uid, stat.gid].join(' ');
  const attributes = execFileSync('xargs', ['-0', 'getfattr', '-h', '-d', '-m-', '-ehex', '--absolute-names', '--'], {
    input: Buffer.concat([name, Buffer.of(0)]),
    encoding: 'latin1',
  });
  const content = stat.isFile() ? createHash('sha512').update(readFileSync(name)).digest('hex')
    : stat.isSymbolicLink() ? readlinkSync(name, 'latin1')
    : stat.isBlockDevice() || stat.isCharacterDevice() ? String(stat.rdev) : '';
  found.push([inside || '/', [status, content, attributes.split('\\n').slice(1).sort().join(' ')].join('|')]);
  if (!stat.isDirectory()) return;
  for (const entry of readdirSync(name, 'buffer')) {
    look(Buffer.concat([Buffer.from(name), Buffer.from('/'), entry]), inside + '/' + entry.toString('latin1'));
  }
};
look(Buffer.from(root), '');
process.stdout.write(JSON.stringify(found));
`;

/** The first partition, as every tiny disk has it. */
const OFFSET = 1024 * 1024;

/** Sorted lines \`added /path\`, \`removed /path\` and \`changed /path\`; a path is bytes, each a character. */
export function trueDifferences(before: string, after: string, scratch: string): string[] {
  const [old, young] = [treeOf(before, scratch), treeOf(after, scratch)];
  const lines: string[] = [];
  for (const [name, about] of young) {
    if (!old.has(name)) lines.push(`added ${name}`);
    else if (old.get(name) !== about) lines.push(`changed ${name}`);
  }
  for (const name of old.keys()) if (!young.has(name)) lines.push(`removed ${name}`);
  return lines.sort();
}

/** The files of an image's first partition, with what is known of each but its times and links. */
export function treeOf(image: string, scratch: string): ReadonlyMap<string, string> {
  const raw = path.join(scratch, 'truth.raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', image, raw]);
  try {
    const type = execFileSync('blkid', ['-p', '-O', String(OFFSET), '-o', 'value', '-s', 'TYPE', raw])
      .toString()
      .trim();
    const options = type === 'xfs' ? 'nouuid,norecovery,ro' : 'ro';
    const script = `mkdir -p "$1.mnt" && mount -t ${type} -o loop,offset=${OFFSET},${options} "$1" "$1.mnt" && "$2" -e "$3" "$1.mnt"`;
    const shell = ['--mount', 'sh', '-c', script, 'sh', raw, process.execPath, WALK];
    const entries: [string, string][] = JSON.parse(
      execFileSync(...asRoot('unshare', shell), { encoding: 'utf8', maxBuffer: 2 ** 28 }),
    );
    return new Map(entries);
  } finally {
    execFileSync('rm', ['-f', raw]);
  }
}

/** The same of a directory of this machine. */
export function treeIn(directory: string): ReadonlyMap<string, string> {
  const printed = execFileSync(...asRoot(process.execPath, ['-e', WALK, directory]), {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const entries: [string, string][] = JSON.parse(printed);
  return new Map(entries);
}
