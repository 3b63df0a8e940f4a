// Where something is published: the directory of a virt-builder repository, or an image in a registry.

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isDirectory } from '../../util/fs.ts';

export type Destination =
  | { readonly type: 'directory' /** Absolute path. */; readonly directory: string }
  | {
      readonly type: 'registry';
      /** As docker has it, possibly without a tag: `registry.example.org/web:1.0`. */
      readonly image: string;
      readonly hasTag: boolean;
    };

/** https://github.com/distribution/reference has the grammar. */
const IMAGE =
  /^(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/;

/** As docker distinguishes the name of a registry from that of a user of its own registry. */
const REGISTRY = /^(localhost|\[[^/]*\]|[^/]*[.:][^/]*)\//;

/**
 * `docker://…` is an image in a registry, and so is what begins with the name of one: `registry.example.org/`, `localhost/`, `host:5000/`.
 * Everything else is a directory. Fails as `usage` for an image whose name is not valid, and where a directory has its name.
 * @param from absolute path of the directory that paths are relative to
 */
export function parseDestination(to: string, from: string): Result<Destination> {
  const directory = path.resolve(from, to);
  if (to === '') return fail('usage', '--to requires a directory, or an image in a registry');
  const isUrl = to.startsWith('docker://');
  if (!isUrl && (/^\.{1,2}\//.test(to) || !REGISTRY.test(to))) return ok({ type: 'directory', directory });
  if (!isUrl && isDirectory(directory)) {
    return fail('usage', `--to ${to} can be a directory, or an image in a registry`, {
      hint: `write ./${to} or docker://${to}`,
    });
  }
  const image = isUrl ? to.slice('docker://'.length) : to;
  if (/^[^/]*@/.test(image)) {
    return fail('usage', '--to must not have a user or a password', {
      hint: 'log in: skopeo login REGISTRY',
    });
  }
  const [, tag] = IMAGE.exec(image) ?? [undefined, null];
  if (tag === null) {
    return fail('usage', `--to ${to}: not a valid name of an image`, {
      hint: 'names of images are like registry.example.org/team/web:1.0; for a directory, write ./ before it',
    });
  }
  return ok({ type: 'registry', image, hasTag: tag !== undefined });
}
