// Whether the host's ports of forwards are free; QEMU would report only that it could not set one up.

import { createServer } from 'node:net';
import { fail, ok, type Result } from '../../../model/failure.ts';
import type { Forward } from '../../../model/ports/booter.ts';

/** Fails as `host`, naming the first port that cannot be listened on. */
export async function checkForwards(forwards: readonly Forward[]): Promise<Result<void>> {
  for (const forward of forwards) {
    const code = await tryToListen(forward);
    if (code === undefined) continue;
    return fail(
      'host',
      `port ${forward.hostPort} on ${forward.address} ${COMPLAINTS[code] ?? `fails with ${code}`}`,
      {
        hint: `forward another port: --forward ${forward.hostPort + (forward.hostPort < 1024 ? 8000 : 1)}:${forward.guestPort}`,
      },
    );
  }
  return ok();
}

const COMPLAINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use',
  EACCES: 'requires root',
  EADDRNOTAVAIL: 'cannot be used: not an address of this host',
};

function tryToListen({ address, hostPort }: Forward): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: address, port: hostPort }, () => server.close(() => resolve(undefined)));
  });
}
