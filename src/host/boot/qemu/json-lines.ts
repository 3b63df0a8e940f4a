// Reads the replies of QMP and of the guest agent: JSON objects, one per line.

import { parseObject } from '../../../util/json.ts';

/** An object, and whether the guest agent's 0xFF preceded it (see guest-sync-delimited). */
export interface JsonLine {
  readonly value: Readonly<Record<string, unknown>>;
  readonly delimited: boolean;
}

const NEWLINE = 0x0a;
/** Not part of UTF-8; QEMU's agent sends it so that the receiver discards what came before. */
const DELIMITER = 0xff;
/** Two outputs of 16 MiB in base64, and some reserve, bytes. */
const LONGEST_LINE = 64 * 1024 * 1024;

/**
 * A reader for one stream.
 * @param onLine called for every line that is a JSON object; other lines, and longer ones than LONGEST_LINE, are skipped
 * @returns takes the next bytes, cut anywhere
 */
export function createJsonLineReader(onLine: (line: JsonLine) => void): (bytes: Uint8Array) => void {
  let parts: Uint8Array[] = [];
  let length = 0;
  let delimited = false;

  function discard(): void {
    parts = [];
    length = 0;
  }

  function take(bytes: Uint8Array): void {
    length += bytes.length;
    if (length > LONGEST_LINE) discard();
    else if (bytes.length > 0) parts.push(bytes);
  }

  function endLine(): void {
    const value = parseObject(Buffer.concat(parts).toString('utf8'));
    if (value) onLine({ value, delimited });
    delimited = false;
    discard();
  }

  return (bytes) => {
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] === DELIMITER) {
        discard();
        delimited = true;
      } else if (bytes[at] === NEWLINE) {
        take(bytes.subarray(from, at));
        endLine();
      } else continue;
      from = at + 1;
    }
    take(bytes.subarray(from));
  };
}
