// The server: listens, answers, and ends.

import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import { fail, failAt, ok, type Result } from '../model/failure.ts';
import { systemError } from '../util/errors.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { checkExposure, hostsOf, isWildcard, urlOf } from './access/address.ts';
import { readToken } from './access/token.ts';
import type { Door } from './access/who-may.ts';
import { createApp } from './app.ts';
import { readAssets } from './assets.ts';
import { Consoles } from './consoles.ts';
import { JobFiles } from './jobs/files.ts';
import { Queue } from './jobs/queue.ts';
import { type JobOptions, runJob } from './jobs/run-job.ts';
import type { Served } from './routes/route.ts';

export interface ServeOptions extends JobOptions, Pick<Served, 'profiles' | 'onCreated'> {
  readonly host: string;
  readonly port: number;
  readonly readOnly: boolean;
  /** Absolute path; by default it is in the project. */
  readonly tokenFile: string | undefined;
  readonly trustHeader: string | undefined;
  /** Absolute paths of a certificate with its chain, and of its key. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly insecure: boolean;
}

export interface Serving {
  /** The address with the token, as it is to be opened. */
  readonly url: string;
  /** The file with the token. */
  readonly tokenFile: string;
  /** Cancels the jobs, waits for them and closes all connections. */
  close(): Promise<void>;
}

/** Connections at once. A watcher of a build keeps one. */
const MOST_CONNECTIONS = 256;
const SECOND = 1000;

/**
 * Starts a server on a project. Fails as `usage` for options that would expose it, as `host` when it cannot listen.
 * @param open opens a workspace on the project, with a name of its own
 */
export async function startServer(open: () => Workspace, options: ServeOptions): Promise<Result<Serving>> {
  const { host, readOnly, remote, trustHeader, profiles, onCreated } = options;
  const exposed = checkExposure(host, { tls: options.tls !== undefined, insecure: options.insecure });
  if (!exposed.ok) return exposed;
  const workspace = open();
  const project = await workspace.load();
  if (!project.ok) return project;
  const directory = path.join(workspace.paths.state, 'serve');
  const tokenFile = options.tokenFile ?? path.join(directory, 'token');
  const token = readToken(tokenFile);
  if (!token.ok) return token;
  const tls = readTls(options.tls);
  if (!tls.ok) return tls;
  const { owner, isAlive } = workspace.parts;
  const files = new JobFiles(path.join(directory, 'jobs'), isAlive);
  const queue = new Queue(files, owner, (request, secrets, watchers) =>
    runJob(request, secrets, open(), options, watchers),
  );
  const consoles = new Consoles();
  const http = await import('./http.ts');
  const scheme = tls.value ? 'https' : 'http';
  let listener: RequestListener = (_request, response) => response.destroy(); // until its port is known
  const server: Server = tls.value
    ? createTlsServer({ ...tls.value, minVersion: 'TLSv1.2' }, (...call) => listener(...call))
    : createServer((...call) => listener(...call));
  server.maxConnections = MOST_CONNECTIONS;
  server.headersTimeout = 10 * SECOND;
  server.requestTimeout = 30 * SECOND;
  server.maxHeadersCount = 100;
  const port = await listen(server, host, options.port);
  if (!port.ok) return port;
  const door: Door = {
    scheme,
    hosts: hostsOf(host, port.value, scheme),
    allAddresses: isWildcard(host),
    port: port.value,
    token: token.value,
    trustHeader,
    readOnly,
  };
  const app = createApp(
    http,
    door,
    { open, queue, consoles, remote, readOnly, profiles, onCreated },
    readAssets(),
  );
  const respond = http.getRequestListener(app);
  listener = (request, response) => void respond(request, response);
  return ok({
    url: `${urlOf(host, port.value, scheme)}#token=${token.value}`,
    tokenFile,
    async close() {
      server.close();
      await Promise.all([queue.close(), consoles.close()]);
      server.closeAllConnections();
    },
  });
}

function readTls(
  files: ServeOptions['tls'],
): Result<{ readonly cert: Buffer; readonly key: Buffer } | undefined> {
  if (!files) return ok(undefined);
  let tls: { readonly cert: Buffer; readonly key: Buffer };
  try {
    tls = { cert: readFileSync(files.cert), key: readFileSync(files.key) };
  } catch (error) {
    return failAt(systemError(error).path ?? files.cert, 'cannot read the certificate or its key', error);
  }
  try {
    createSecureContext(tls);
    return ok(tls);
  } catch (error) {
    return fail('usage', `not a certificate with its key, as PEM: ${systemError(error).message}`, {
      where: { file: files.cert },
      hint: `the key is read from ${files.key}, and cannot be one with a passphrase`,
    });
  }
}

/** Returns the port that it listens on. Fails as `host`. */
function listen(server: Server, host: string, port: number): Promise<Result<number>> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint = error.code === 'EADDRINUSE' ? { hint: 'choose another port: --port' } : {};
      resolve(fail('host', `cannot listen on ${host}, port ${port}: ${error.message}`, hint));
    });
    server.listen(port, host, () => {
      server.on('error', () => {}); // a connection that could not be taken, for example when there are no more descriptors
      const address = server.address();
      resolve(ok(typeof address === 'object' && address ? address.port : port));
    });
  });
}
