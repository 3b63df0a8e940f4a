// A run as its kind works on it, with the environment variables of its script.

import type { Task } from '../../kinds/kind.ts';
import { ok } from '../../model/failure.ts';
import { enter, type Job } from './job.ts';
import { runScript } from './script.ts';
import { fullStore } from './space.ts';
import { STAGED_TIME } from './stage.ts';

export function taskOf(job: Job): Task {
  const { layer, lineage, bench, draft, staged, secrets, caches, directory, context } = job;
  return {
    ...{ layer, lineage, bench, draft, staged, secrets, caches, directory },
    images: context.host.images,
    artifactDirectory: context.store.artifactDirectory,
    lendsDevices: context.host.lendsDevices,
    environment: scriptEnvironment(context.environment.variables, layer.params),
    enter: (stage) => enter(stage, job),
    script: (start) => runScript(job, start),
    checkSpace: () => {
      const full = fullStore(context);
      return full ? { ok: false, failure: full } : ok();
    },
  };
}

const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy', 'no_proxy'];

/**
 * The variables of every script, the same on every machine except for the proxies. Proxies are how a machine reaches the network, not what is built: no key has
 * them.
 */
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
