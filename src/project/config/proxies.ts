// The proxies that the environment names, as curl(1) takes them, in the form that node's HTTP agents take.

import { fail, ok, type Result } from '../../model/failure.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** What an agent gets as `proxyEnv`. */
export type ProxyVariables = Readonly<Record<string, string>>;

const NAMES = ['http_proxy', 'https_proxy'] as const;

/**
 * The scheme of a proxy may be missing, `all_proxy` counts where there is none for the scheme, and a domain in `no_proxy` stands for what
 * is below it too. Fails as `usage` for a proxy of another kind.
 */
export function proxyVariables(variables: Variables): Result<ProxyVariables> {
  const found: Record<string, string> = {};
  for (const name of NAMES) {
    const own = [name, name.toUpperCase()].find((each) => variables[each]);
    const used = own ?? ['all_proxy', 'ALL_PROXY'].find((each) => variables[each]);
    const given = (variables[used ?? ''] ?? '').trim();
    // Desktops name a SOCKS proxy for those programs that can use one.
    if (used === undefined || (own === undefined && given.startsWith('socks'))) continue;
    const url = given.includes('://') ? given : `http://${given}`;
    const { protocol, hostname } = URL.canParse(url) ? new URL(url) : { protocol: '', hostname: '' };
    if (!/^https?:$/.test(protocol) || hostname === '') {
      return fail('usage', `${used} does not name an HTTP proxy`, {
        hint: `set it to HOST:PORT or http://USER:PASSWORD@HOST:PORT, or unset ${used}`,
      });
    }
    found[name] = url;
  }
  const exceptions = variables['no_proxy'] || variables['NO_PROXY'] || '';
  const list = exceptions.split(/[\s,]+/).filter((entry) => entry !== '');
  return ok(list.length === 0 ? found : { ...found, no_proxy: list.flatMap(exceptionsOf).join(',') });
}

/** A domain and what is below it; `*`, addresses and ports as they are; a block of IPv4 addresses as a range. */
function exceptionsOf(entry: string): readonly string[] {
  const [, address = '', bits = ''] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(entry) ?? [];
  if (address !== '') return rangeOf(address, Number(bits));
  if (/^[\d.]+$|[:*]|^\[/.test(entry)) return [entry];
  const domain = entry.replace(/^\.+|\.+$/g, '');
  return domain === '' ? [] : [domain, `.${domain}`];
}

function rangeOf(address: string, bits: number): readonly string[] {
  const parts = address.split('.').map(Number);
  if (bits > 32 || parts.some((part) => part > 255)) return [];
  const size = 2 ** (32 - bits);
  const number = parts.reduce((sum, part) => sum * 256 + part, 0);
  const first = Math.floor(number / size) * size;
  return [`${dotted(first)}-${dotted(first + size - 1)}`];
}

function dotted(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
