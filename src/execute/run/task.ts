// A run as its kind works on it, with the environment variables of its script.

import type { Kind, TaskOn, TaskPoints } from '../../kinds/kind.ts';
import { kindOf } from '../../kinds/registry.ts';
import { ok } from '../../model/failure.ts';
import type { RunPlace } from '../../model/ports/machine.ts';
import { enter, type Job } from './job.ts';
import { runScript } from './script.ts';
import { fullStore } from './space.ts';
import { STAGED_TIME } from './stage.ts';

export function taskOf<Bench extends RunPlace>(job: Job<Bench>): TaskOn<Bench> {
  const { layer, lineage, bench, draft, further, staged, secrets, caches, directory, context } = job;
  return {
    ...{ layer, lineage, bench, draft, further, staged, secrets, caches, directory },
    images: context.host.images,
    artifactDirectory: context.store.artifactDirectory,
    lendsDevices: context.host.lendsDevices,
    points: pointsOf(job),
    environment: scriptEnvironment(
      context.environment.variables,
      kindOf(layer).place,
      // Each step has those that it sees.
      layer.steps ? {} : layer.params,
    ),
    enter: (stage) => enter(stage, job),
    step: (step) => context.emit({ type: 'layer-step', layer: layer.name, ...step }),
    script: (start) => runScript(job, start),
    note: (message) => context.emit({ type: 'note', message: `${layer.name}: ${message}` }),
    checkSpace: () => {
      const full = fullStore(context);
      return full ? { ok: false, failure: full } : ok();
    },
  };
}

/** What must run each time begins at no state of an earlier run. A cache point is the state of one disk. */
function pointsOf({ layer, further, context, ...run }: Job<RunPlace>): TaskPoints | undefined {
  const { points: all } = context.store;
  const { replaces, withoutPoints } = run;
  if (further.length > 0) return undefined;
  if (!all || !layer.steps?.cachePoints || layer.hints.nocache || withoutPoints) return undefined;
  return { all, areUsed: !replaces, signal: context.signal };
}

const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy', 'no_proxy'];

/**
 * The programs of a distribution read here that no system is running and that nobody answers: docs/layers.md has a table.
 * Like the rest of the environment it is the same for every layer, and in no key.
 */
const OFFLINE: Readonly<Record<string, string>> = {
  SYSTEMD_OFFLINE: '1',
  // From systemd 257 on, udevadm and others ignore requests, as they do in a chroot that they recognize.
  SYSTEMD_IN_CHROOT: '1',
};

const UNATTENDED: Readonly<Record<string, string>> = {
  DEBIAN_FRONTEND: 'noninteractive',
  DEBCONF_NONINTERACTIVE_SEEN: 'true',
  // The variable replaces dpkg's defaults, which are the first two. With confdef, a script's --force-confnew would have no
  // effect; without it, confold answers all the same.
  DPKG_FORCE: 'security-mac,downgrade,confold',
  UCF_FORCE_CONFFOLD: '1',
  NEEDRESTART_SUSPEND: '1',
  APT_LISTCHANGES_FRONTEND: 'none',
};

/**
 * The variables of a script that runs at a place, the same on every machine except for the proxies; its parameters have the
 * last word. Proxies are how a machine reaches the network, not what is built: no key has them.
 */
export function scriptEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  place: Kind['place'],
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
    ...(place === 'image' ? OFFLINE : {}),
    ...(place === 'host' ? {} : UNATTENDED),
    ...params,
  };
  for (const name of PROXY_VARIABLES.flatMap((variable) => [variable, variable.toUpperCase()])) {
    const value = own[name];
    if (value !== undefined) environment[name] = place === 'guest' ? fromGuest(value) : value;
  }
  return environment;
}

/** A proxy on this machine, as a guest reaches it: QEMU's network has this address for it. */
function fromGuest(proxy: string): string {
  return proxy.replace(/(?<=^|\/\/|@)(?:localhost|127(?:\.\d+){3}|\[::1\])(?=[:/]|$)/, '10.0.2.2');
}
