// Public keys of SSH in steps: as texts, or as files of the layer.

import * as v from 'valibot';
import { fail, ok, type Result } from '../../../model/failure.ts';
import { layerPath } from '../../fields.ts';
import { cleanPath, exactly } from '../../layer-files.ts';
import type { LayerFiles } from '../../verb.ts';

/** sshd(8), "AUTHORIZED_KEYS FILE FORMAT": options, type, base64, comment. Options may have blanks in quotes. */
const KEY =
  /^(?:[A-Za-z][A-Za-z0-9-]*(?:=(?:"(?:[^"\\]|\\.)*"|[^\s",]*))?(?:,[A-Za-z][A-Za-z0-9-]*(?:=(?:"(?:[^"\\]|\\.)*"|[^\s",]*))?)*[ \t]+)?(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+[ \t]+[A-Za-z0-9+/]+={0,3}(?:[ \t][^\n\r\0]*)?$/;

/** A key, `ssh-ed25519 AAAA… ann`, or a file of the layer with keys. */
export function keyOrFile() {
  return v.union(
    [
      v.pipe(v.string(), v.regex(KEY)),
      v.pipe(
        layerPath(),
        v.regex(/^\S+$/),
        v.check((given) => !given.includes('\n')),
      ),
    ],
    'must be a public key, or a file of the layer with public keys',
  );
}

function isKey(given: string): boolean {
  return KEY.test(given);
}

export function filesOf(given: readonly string[]): string[] {
  return given.filter((one) => !isKey(one)).map(exactly);
}

/** The keys, a line each. Fails as `usage` for files that do not exist or have other lines. */
export function keysOf(given: readonly string[], files: LayerFiles): Result<readonly string[]> {
  const keys: string[] = [];
  for (const one of given) {
    if (isKey(one)) {
      keys.push(one.trim());
      continue;
    }
    const content = files.read(cleanPath(one));
    if (!content.ok) return content;
    const lines = content.value
      .toString('utf8')
      .split('\n')
      .map((line) => line.trim());
    for (const [index, line] of lines.entries()) {
      if (line === '' || line.startsWith('#')) continue;
      if (!isKey(line)) return fail('usage', `${one}, line ${index + 1}, is not a public key of SSH`);
      keys.push(line);
    }
  }
  return keys.length === 0 ? fail('usage', `${given.join(', ')}: no public keys`) : ok(keys);
}
