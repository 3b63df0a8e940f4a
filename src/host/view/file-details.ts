// Details of files beyond the file list: hashes of their contents and their extended attributes.

import path from 'node:path';
import { ok, type Result } from '../../model/failure.ts';
import type { Attributes } from '../../model/ports/viewer.ts';
import { decodeName, encodeName } from '../../util/file-name.ts';
import { onFiles } from '../root/agent-view.ts';
import type { RunShell } from '../root/run-shell.ts';
import { splitNames } from './file-list.ts';

/** Returns the SHA-256 of the contents of regular files, in hexadecimal, by path. Fails as `host` when a file cannot be read. */
export async function hashFiles(
  run: RunShell,
  root: string,
  paths: readonly string[],
): Promise<Result<ReadonlyMap<string, string>>> {
  const printed = await onThese(run, root, paths, ['sha256sum', '--zero', '--']);
  if (!printed.ok) return printed;
  // `DIGEST  ./name`; with --zero no name is escaped.
  return ok(new Map(splitNames(printed.value).map((line) => [line.slice(67), line.slice(0, 64)])));
}

/** Returns the extended attributes, including ACLs and capabilities, of the files that have any. Fails as `host`. */
export async function readAttributes(
  run: RunShell,
  root: string,
  paths: readonly string[],
): Promise<Result<ReadonlyMap<string, Attributes>>> {
  const getfattr = ['getfattr', '--no-dereference', '--dump', '--match=-', '--encoding=hex', '--'];
  const printed = await onThese(run, root, paths, getfattr);
  return printed.ok ? ok(parseAttributes(printed.value)) : printed;
}

/** Parses getfattr's dump: `# file: name`, lines `attribute=value`, and an empty line; newlines and backslashes are octal. */
export function parseAttributes(dump: Buffer): ReadonlyMap<string, Attributes> {
  const all = new Map<string, Record<string, string>>();
  let current: Record<string, string> = {};
  for (const line of dump.toString('latin1').split('\n')) {
    const file = /^# file: (.*)$/.exec(line)?.[1];
    const equals = line.indexOf('=');
    if (file !== undefined) {
      current = {};
      all.set(path.posix.resolve('/', unquote(file)), current);
    } else if (line !== '') {
      const name = equals < 0 ? line : line.slice(0, equals);
      current[unquote(name)] = equals < 0 ? '' : line.slice(equals + 1);
    }
  }
  return all;
}

function unquote(quoted: string): string {
  const bytes = quoted.replace(/\\([0-7]{3})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return decodeName(Buffer.from(bytes, 'latin1'));
}

/** Returns the output of a command that gets the files' names as arguments, as many at once as fit. */
async function onThese(
  run: RunShell,
  root: string,
  paths: readonly string[],
  command: readonly string[],
): Promise<Result<Buffer>> {
  if (paths.length === 0) return ok(Buffer.alloc(0));
  const { files } = run.shell;
  const [names, output] = [run.file('names'), run.file('output')];
  const list = Buffer.concat(paths.flatMap((file) => [encodeName(`.${file}`), Buffer.of(0)]));
  for (const [file, content] of [
    [names, list],
    [output, ''],
  ] as const) {
    const written = await files.write(file, content);
    if (!written.ok) return written;
  }
  const done = await onFiles(run.shell, root, { names, output, argv: command });
  return done.ok ? files.read(output) : done;
}
