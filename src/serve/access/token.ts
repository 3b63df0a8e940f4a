// The token: in a file that only its owner can read. The file is created when it is missing.

import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import { systemError } from '../../util/errors.ts';
import { makeDirectories } from '../../util/fs.ts';
import { quoteWord } from '../../util/quote.ts';

/** A token that nobody guesses has 128 bits, in Base64 22 characters. */
const LEAST_LENGTH = 22;

/** Reads the token of a file, or writes a new one there. Fails as `usage` for a weak one, as `host` when others could read it. */
export function readToken(file: string): Result<string> {
  try {
    makeDirectories(path.dirname(file), 0o700);
    const token = randomBytes(32).toString('base64url');
    writeFileSync(file, `${token}\n`, { flag: 'wx', mode: 0o600 });
    return ok(token);
  } catch (error) {
    if (systemError(error).code !== 'EEXIST') return failAt(file, 'cannot write the token', error);
  }
  try {
    const descriptor = openSync(file, 'r');
    try {
      const { mode, uid } = fstatSync(descriptor);
      const own = process.getuid?.();
      if ((mode & 0o077) !== 0 || (uid !== own && own !== 0)) {
        return fail('host', 'other users can read or change the token', {
          where: { file },
          hint: `make it yours alone: chmod 600 ${quoteWord(file)}`,
        });
      }
      const token = readFileSync(descriptor, 'utf8').trim();
      if (token.length >= LEAST_LENGTH && /^[\x21-\x7e]+$/.test(token)) return ok(token);
      return fail('usage', 'the token is too short, or has characters that a header cannot hold', {
        where: { file },
        hint: `use ${LEAST_LENGTH} or more letters and digits, or remove the file, and vlb makes one`,
      });
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return failAt(file, 'cannot read the token', error);
  }
}
