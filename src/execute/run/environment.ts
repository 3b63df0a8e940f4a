// The environment variables of scripts: clean, and the same on every machine except for the proxies.

import { STAGED_TIME } from './stage.ts';

const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy', 'no_proxy'];

/** The variables of every script. Proxies are how a machine reaches the network, not what is built: no key has them. */
export function scriptEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  params: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const environment: Record<string, string> = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    // The output goes to a log, never to a terminal.
    TERM: 'dumb',
    SOURCE_DATE_EPOCH: String(STAGED_TIME),
    VLB: '1',
    ...params,
  };
  for (const name of PROXY_VARIABLES.flatMap((variable) => [variable, variable.toUpperCase()])) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
