// Who may use the server: what is refused, of each request, before anything else looks at it. Pure.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

/** What is admitted. */
export interface Door {
  readonly scheme: 'http' | 'https';
  /** The names in the header Host that mean this server: `localhost:8080`. */
  readonly hosts: ReadonlySet<string>;
  /** Whether every address of this machine does too, since the server is bound to all. */
  readonly allAddresses: boolean;
  readonly port: number;
  readonly token: string;
  /** The header in which an authenticating proxy names the user. */
  readonly trustHeader: string | undefined;
  readonly readOnly: boolean;
}

/** A request, as far as admission depends on it. Headers that are not there are undefined. */
export interface Caller {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site, which scripts cannot set. */
  readonly site: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  readonly contentType: string | undefined;
  /** The value of the trusted header. */
  readonly user: string | undefined;
}

/** What a request is for. */
export interface Purpose {
  /** Whether it changes anything. */
  readonly writes: boolean;
  /** Whether nobody has to log in for it. */
  readonly open: boolean;
  /** Whether it has a body. */
  readonly body: boolean;
}

export interface Refusal {
  readonly status: 401 | 403 | 415 | 421;
  readonly message: string;
  readonly hint?: string;
}

/** Why a request is refused; undefined when it is not. */
export function refusalOf(caller: Caller, door: Door, purpose: Purpose): Refusal | undefined {
  if (!isOwnHost(caller.host, door)) {
    return {
      status: 421,
      message: 'the header Host does not name this server',
      hint: 'open the address that vlb serve printed; a proxy has to send that one',
    };
  }
  if (!isOwnOrigin(caller, door)) return { status: 403, message: 'the request comes from another site' };
  if (purpose.writes && door.readOnly) {
    return { status: 403, message: 'this server was started with --read-only' };
  }
  const proof = proofOf(caller, door);
  if (!purpose.open && proof === undefined) {
    return {
      status: 401,
      message: 'a token is required',
      hint: 'send it as Authorization: Bearer TOKEN, or open the address that vlb serve printed',
    };
  }
  // A browser says where a request comes from. What else has a cookie is not one, and has no reason to.
  const isBrowser = caller.origin !== undefined || caller.site !== undefined;
  if (purpose.writes && proof === 'cookie' && !isBrowser) {
    return { status: 403, message: 'the request does not say which site it comes from' };
  }
  if (purpose.body && !/^application\/json\s*(;|$)/i.test(caller.contentType ?? '')) {
    return { status: 415, message: 'the body has to be application/json' };
  }
  return undefined;
}

/** DNS rebinding: a page of another site whose name leads to this address sends its own name. An address cannot be rebound. */
function isOwnHost(host: string | undefined, { hosts, allAddresses, port, scheme }: Door): boolean {
  if (host === undefined) return false;
  if (hosts.has(host.toLowerCase())) return true;
  const url = allAddresses ? URL.parse(`${scheme}://${host}`) : null;
  if (!url || isIP(url.hostname.replace(/^\[|\]$/g, '')) === 0) return false;
  return Number(url.port || DEFAULT_PORTS[scheme]) === port;
}

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

function isOwnOrigin({ host, origin, site }: Caller, { scheme, trustHeader }: Door): boolean {
  // Behind a proxy, the origin is that of the proxy; browsers say whether it is the one that the page is from.
  if (trustHeader !== undefined && site === 'same-origin') return true;
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  return origin === undefined || origin.toLowerCase() === `${scheme}://${host?.toLowerCase()}`;
}

/** What shows that a caller may use the server. */
function proofOf(caller: Caller, { token, trustHeader }: Door): 'header' | 'token' | 'cookie' | undefined {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(caller.authorization ?? '') ?? [];
  if (bearer !== undefined && isSame(bearer, token)) return 'token';
  // Browsers send it whatever page makes them, as they do a cookie: the origin was checked.
  if (trustHeader !== undefined && caller.user) return 'header';
  return caller.cookie !== undefined && isSame(caller.cookie, sessionOf(token)) ? 'cookie' : undefined;
}

/** The value of the cookie: made from the token, so that it outlives the server, and does not contain it. */
export function sessionOf(token: string): string {
  return createHmac('sha256', token).update('vlb session').digest('base64url');
}

/** Whether two secrets are the same, in a time that does not depend on where they differ. */
export function isSame(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return first !== undefined && second !== undefined && timingSafeEqual(first, second);
}
