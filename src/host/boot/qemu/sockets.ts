// Sockets that QEMU connects to when it starts, so that its first output is not missed and vlb need not poll.

import { closeSync, openSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';

export interface Listener extends AsyncDisposable {
  /** The file name of the socket in its directory. */
  readonly name: string;
  /** The first connection; there is only one. */
  readonly connection: Promise<Socket>;
}

/** Listens on a socket in a directory, for one connection. The directory may have a path of any length. */
export async function listenIn(directory: string, name: string): Promise<Listener> {
  const server = createServer();
  const connection = new Promise<Socket>((resolve) => server.once('connection', resolve));
  let socket: Socket | undefined;
  void connection.then((connected) => {
    socket = connected;
    // QEMU may be killed at any time; the reader sees the end of the stream.
    connected.on('error', () => {});
  });
  // A socket's address is limited to 107 bytes (unix(7)), too few for some directories.
  const descriptor = openSync(directory, 'r');
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path.join(`/proc/self/fd/${descriptor}`, name), resolve);
    });
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  // Once: the descriptor's number may be another file's then.
  let closed: Promise<void> | undefined;
  const close = () =>
    new Promise<void>((resolve) => {
      socket?.destroy();
      server.close(() => {
        closeSync(descriptor); // not before: the server unlinks its file by that path
        resolve();
      });
    });
  return {
    name,
    connection,
    [Symbol.asyncDispose]: () => {
      closed ??= close();
      return closed;
    },
  };
}
