// Where the server listens, and under which names it may be asked.

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { fail, ok, type Result } from '../../model/failure.ts';

/** Whether an address or a name leads to this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Whether the server may listen there. Fails as `usage` for a network without TLS. */
export function checkExposure(
  host: string,
  { tls, insecure }: { readonly tls: boolean; readonly insecure: boolean },
): Result<void> {
  if (tls || insecure || isLoopback(host)) return ok();
  return fail(
    'usage',
    `--host ${host}: everything, the token included, would go over the network unencrypted`,
    {
      hint: 'give --tls-cert and --tls-key, or --insecure for a network that you trust',
    },
  );
}

/** All addresses of this machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** The values of the header Host that mean a server at this address. */
export function hostsOf(host: string, port: number, scheme: 'http' | 'https'): ReadonlySet<string> {
  const names = [
    bracketed(host),
    ...(isLoopback(host) || isWildcard(host) ? ['localhost', '127.0.0.1', '[::1]'] : []),
    ...(isWildcard(host) ? [hostname().toLowerCase()] : []),
  ];
  const isDefault = port === (scheme === 'https' ? 443 : 80);
  return new Set(names.flatMap((name) => [`${name}:${port}`, ...(isDefault ? [name] : [])]));
}

/** The address to open in a browser on this machine. */
export function urlOf(host: string, port: number, scheme: 'http' | 'https'): string {
  return `${scheme}://${isWildcard(host) ? hostname() : bracketed(host)}:${port}/`;
}

function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host.toLowerCase();
}
