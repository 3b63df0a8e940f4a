// vlb serve: the same work for a browser, and for programs over HTTP.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { environmentHere, openWorkspace } from '../../compose.ts';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { startServer } from '../../serve/serve.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT, exitStatusOf } from '../exit-status.ts';
import { giveCreated, ownerOf } from '../give-back.ts';
import { shellCommand } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { PACKAGE_ROOT } from '../package-root.ts';
import { createInterrupt } from '../terminal/interrupt.ts';

/** Serves until a signal comes. Returns the exit status; a failure to start is returned to be reported. */
export async function serve(raw: Raw<'serve'>, options: GlobalOptions): Promise<number | Failure> {
  const tls = tlsOf(raw);
  if (!tls.ok) return tls.failure;
  const port = Number(raw.port);
  if (!/^\d{1,5}$/.test(raw.port) || port > 65_535) {
    return fail('usage', `--port ${raw.port}: not a port`, {
      hint: 'valid values: 0 to 65535; 0 takes any free one',
    }).failure;
  }
  if (raw.trustHeader !== undefined && !/^[A-Za-z][A-Za-z0-9-]*$/.test(raw.trustHeader)) {
    return fail('usage', `--trust-header ${raw.trustHeader}: not the name of a header`).failure;
  }
  const interrupt = createInterrupt();
  const environment = environmentHere();
  const open = () => openWorkspace(options, environment, randomBytes(4).toString('hex'));
  const started = await startServer(open, {
    host: raw.host,
    port,
    readOnly: raw.readOnly === true,
    tokenFile: raw.tokenFile === undefined ? undefined : path.resolve(raw.tokenFile),
    trustHeader: raw.trustHeader?.toLowerCase(),
    tls: tls.value,
    insecure: raw.insecure === true,
    remote: options.remote,
    profiles: path.join(PACKAGE_ROOT, 'profiles'),
    onCreated: (names) => giveCreated(ownerOf(options.directory), options.directory, names),
    shellCommand: shellCommand(options, { backend: undefined, nbd: [], param: [] }),
  });
  if (!started.ok) return started.failure;
  interrupt.listen();
  const { url, tokenFile, close } = started.value;
  process.stdout.write(`${url}\n`);
  process.stderr.write(
    `note: the token is in ${path.relative(process.cwd(), tokenFile)}; ^C ends the server\n`,
  );
  if (raw.open) openBrowser(url, path.dirname(tokenFile));
  await aborted(interrupt.signal);
  await close();
  const end = interrupt.received();
  return end === undefined ? EXIT.ok : exitStatusOf(fail('interrupted', 'interrupted').failure, end);
}

/**
 * Opens the address in the user's browser, by a file that only the user can read: the token is in no list of processes.
 * Without a browser, the address is there to be opened.
 */
function openBrowser(url: string, directory: string): void {
  const file = path.join(directory, 'open.html');
  writeFileSync(file, `<!doctype html><meta http-equiv="refresh" content="0;url=${url}">\n`, { mode: 0o600 });
  const note = () => process.stderr.write('note: cannot open a browser (xdg-open): open the address above\n');
  spawn('xdg-open', [file], { detached: true, stdio: 'ignore' }).once('error', note).unref();
}

function tlsOf({
  tlsCert,
  tlsKey,
}: Raw<'serve'>): Result<{ readonly cert: string; readonly key: string } | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return ok(undefined);
  if (tlsCert !== undefined && tlsKey !== undefined) {
    return ok({ cert: path.resolve(tlsCert), key: path.resolve(tlsKey) });
  }
  return fail('usage', 'TLS needs a certificate and its key', { hint: 'give both --tls-cert and --tls-key' });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
