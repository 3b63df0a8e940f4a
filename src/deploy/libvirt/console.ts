// The serial console of a guest while it starts: attached while it is paused, so that nothing of it is missed.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { ToolProcess } from '../tools.ts';
import type { Virsh } from './virsh.ts';

export interface ConsoleWatch extends Disposable {
  /** Whether the pattern has been seen. */
  matched(): boolean;
  lastLines(): readonly string[];
}

/** virsh prints this when it is attached; the console's own text follows. */
const ATTACHED = /Escape character is [^\n]*\n/;
const ATTACH_MS = 20_000;
const MOST_CHARACTERS = 1 << 20;
const LAST_LINES = 15;

/** Fails as `host` when the domain has no console, or others have it. */
export async function watchConsole(
  virsh: Virsh,
  domain: string,
  pattern: RegExp,
): Promise<Result<ConsoleWatch>> {
  const process = await virsh.console(domain);
  let text = '';
  let isAttached = false;
  let matched = false;
  const take = (chunk: string): void => {
    text = `${text}${chunk}`.replaceAll('\r', '').slice(-MOST_CHARACTERS);
    const banner = isAttached ? null : ATTACHED.exec(text);
    if (banner) {
      isAttached = true;
      text = text.slice(banner.index + banner[0].length);
    }
    matched ||= isAttached && pattern.test(text);
  };
  process.stdout.setEncoding('utf8').on('data', take);
  process.stderr.resume();
  await attached(process, () => isAttached);
  if (!isAttached) {
    process.kill('SIGKILL');
    return fail('host', `cannot attach to the console of ${domain}`, { detail: lines(text) });
  }
  return ok({
    matched: () => matched,
    lastLines: () => lines(text),
    [Symbol.dispose]: () => process.kill('SIGKILL'),
  });
}

/** Waits until the banner was read, the process ends, or it takes too long. */
function attached(process: ToolProcess, isAttached: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ATTACH_MS);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    process.stdout.on('data', () => isAttached() && end());
    void process.ended.then(end);
  });
}

function lines(text: string): readonly string[] {
  return text.trimEnd().split('\n').slice(-LAST_LINES);
}
