// Downloads a file over HTTP or HTTPS. node's HTTP client, unlike its fetch(), works with HTTP/1.0 servers, and its
// agents use the proxy that the environment names, see bin/vlb.

import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { type ProxyVariables, proxyVariables } from '../../project/config/proxies.ts';
import { systemError } from '../../util/errors.ts';
import { withoutPassword } from '../../util/shown-path.ts';

export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Called with every piece: the bytes received so far, and the total where the server sends it. */
  readonly onProgress: (bytes: number, total: number | undefined) => void;
  /** What is downloaded, for failures; default the base image. */
  readonly what?: string;
  /** Names the proxies to use, as `http_proxy` and the like. */
  readonly variables: NodeJS.ProcessEnv;
  /** How long a connection may be silent; default a minute. */
  readonly silentMilliseconds?: number;
}

/** A failure while reading the stream, which can only be thrown. The reader of the stream catches it. */
export class DownloadError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** What is downloaded, for failures. */
interface Download {
  readonly url: string;
  readonly what: string;
}

const MOST_REDIRECTS = 10;
const SILENT_MILLISECONDS = 60_000;

/**
 * The bytes at a URL, after redirects. Fails as `usage` when the server does not have it, as `host` when the server cannot
 * be reached. A later failure, a transfer that is cut off or stalls, is thrown as a DownloadError.
 */
export async function download(
  url: string,
  options: DownloadOptions,
): Promise<Result<AsyncIterable<Buffer>>> {
  const about = { url, what: options.what ?? 'the base image' };
  const proxies = proxyVariables(options.variables);
  if (!proxies.ok) return proxies;
  let next = new URL(url);
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const response = await request(next, options, proxies.value).catch(
      (error: NodeJS.ErrnoException) => error,
    );
    if (response instanceof Error) return { ok: false, failure: transferFailure(response, about, next) };
    const { statusCode = 0, statusMessage = '', headers } = response;
    if (statusCode === 200) return ok(pieces(response, about, next, options));
    response.destroy();
    if (![301, 302, 303, 307, 308].includes(statusCode)) {
      const kind = statusCode >= 500 || statusCode === 429 ? 'host' : 'usage';
      return cannot(kind, `${statusCode} ${statusMessage}`.trimEnd(), about);
    }
    const target = headers.location;
    if (target === undefined || !URL.canParse(target, next.href))
      return cannot('host', 'the server redirects to an invalid URL', about);
    next = new URL(target, next);
    if (!/^https?:$/.test(next.protocol)) {
      return cannot(
        'host',
        `the server redirects to ${next.protocol}, which is neither http nor https`,
        about,
      );
    }
  }
  return cannot('host', `the server redirects more than ${MOST_REDIRECTS} times`, about);
}

function request(
  url: URL,
  { signal, silentMilliseconds }: DownloadOptions,
  proxies: ProxyVariables,
): Promise<IncomingMessage> {
  const timeout = silentMilliseconds ?? SILENT_MILLISECONDS;
  const { get, Agent } = url.protocol === 'https:' ? https : http;
  // NODE_USE_ENV_PROXY would do the same for all of node, but delay every start of vlb by forty milliseconds.
  const agent = new Agent({ proxyEnv: proxies });
  const headers = { 'user-agent': 'vlb', accept: '*/*', 'accept-encoding': 'identity' };
  return new Promise((resolve, reject) => {
    let answered: IncomingMessage | undefined;
    const sent = get(url, { agent, signal, timeout, headers }, (response) => {
      answered = response;
      resolve(response);
    });
    sent.on('error', reject);
    sent.on('timeout', () => (answered ?? sent).destroy(new Error(`no data for ${timeout / 1000} s`)));
  });
}

async function* pieces(
  response: IncomingMessage,
  about: Download,
  from: URL,
  { onProgress }: DownloadOptions,
): AsyncGenerator<Buffer> {
  const length = response.headers['content-length'];
  const total = length === undefined ? undefined : Number(length);
  let bytes = 0;
  const cutOff = () => {
    const of = total === undefined ? '' : ` of ${total}`;
    const message = `the transfer was cut off after ${bytes}${of} bytes`;
    return new DownloadError(cannot('host', message, about, 'try again').failure);
  };
  try {
    for await (const piece of response) {
      bytes += piece.length;
      onProgress(bytes, total);
      yield piece;
    }
  } catch (caught) {
    const error = systemError(caught);
    throw error.code === 'ECONNRESET' ? cutOff() : new DownloadError(transferFailure(error, about, from));
  }
  if (total !== undefined && bytes !== total) throw cutOff();
}

/** What node's errors also have when a system call failed. */
interface NetworkError extends NodeJS.ErrnoException {
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
}

const PROXY = 'set http_proxy and https_proxy if downloads need a proxy';
const TRUST =
  "vlb trusts this machine's certificate authorities; set NODE_EXTRA_CA_CERTS to a file with further ones";

function transferFailure(error: NetworkError, about: Download, from: URL): Failure {
  const { code = '', message, hostname = from.hostname, address, port } = error;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return cannot('host', `cannot resolve the host name ${hostname}`, about, PROXY).failure;
  }
  if (code === 'ECONNREFUSED') {
    const where = address === undefined ? from.host : `${address}:${port}`; // possibly a proxy's
    return cannot('host', `${where} refused the connection`, about, PROXY).failure;
  }
  if (/CERT|^UNABLE_TO_|^ERR_TLS_|^ERR_SSL_|^EPROTO$/.test(code)) {
    return cannot('host', `cannot establish a secure connection to ${from.host}: ${message}`, about, TRUST)
      .failure;
  }
  return cannot('host', message || code, about).failure;
}

function cannot(
  kind: 'host' | 'usage',
  why: string,
  { url, what }: Download,
  hint?: string,
): ReturnType<typeof fail> {
  return fail(kind, `cannot download ${what}: ${why}`, {
    where: { file: withoutPassword(url) },
    ...(hint === undefined ? {} : { hint }),
  });
}
