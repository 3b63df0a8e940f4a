// Whether the machine is up: each kind of check waits until it is, or until its time is over.

import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { DeployCheck } from '../../model/machine/deploy.ts';
import { formatDuration } from '../../util/units.ts';
import type { DeployTools } from '../tools.ts';
import type { ConsoleWatch } from './console.ts';
import { isOff, LOOK_MS, type Virsh } from './virsh.ts';

export interface CheckJob {
  readonly virsh: Virsh;
  readonly domain: string;
  readonly check: DeployCheck;
  /** Seconds. */
  readonly timeout: number;
  /** Whether an agent must answer where no check was given. */
  readonly expectsAgent: boolean;
  /** For a check of the console, which was attached before the guest started. */
  readonly console: ConsoleWatch | undefined;
  readonly tools: DeployTools;
}

export interface Passed {
  readonly agentAnswered: boolean;
}

/** How long a machine has to run that no other check is known for, s. */
const RUNNING_S = 30;

/** Fails as `work` with the reason, or as `interrupted`. */
export async function checkGuest(job: CheckJob, signal: AbortSignal): Promise<Result<Passed>> {
  const { check, virsh, domain, timeout } = job;
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  let lastReason = '';
  for (;;) {
    if (signal.aborted) return fail('interrupted', 'interrupted while the guest was checked');
    const state = await virsh.state(domain);
    if (!state.ok) return state;
    const tried = await attemptOnce(job, seconds(), signal);
    if (tried === 'agent' || tried === 'up') return ok({ agentAnswered: tried === 'agent' });
    lastReason = tried.reason;
    if (isOff(state.value)) return failed(job, `the guest powered off after ${formatDuration(seconds())}`);
    if (state.value === 'paused')
      return failed(job, 'the hypervisor paused the guest, which happens on errors');
    if (seconds() >= timeout && !(check.type === 'running' && timeout < RUNNING_S)) {
      return failed(job, `${lastReason} within ${formatDuration(timeout)}`);
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => {}); // rejects on abort
  }
}

function failed({ domain, console }: CheckJob, reason: string): Result<never> {
  const lines = console?.lastLines() ?? [];
  return fail('work', `${domain} is not up: ${reason}`, { detail: lines });
}

type Tried = 'agent' | 'up' | { readonly reason: string };

async function attemptOnce(job: CheckJob, seconds: number, signal: AbortSignal): Promise<Tried> {
  const { check, virsh, domain } = job;
  switch (check.type) {
    case 'auto': {
      if (await virsh.agentAnswers(domain)) return 'agent';
      if (job.expectsAgent) return { reason: 'the guest agent, which answered before, did not answer' };
      return ranFor(seconds);
    }
    case 'agent':
      return (await virsh.agentAnswers(domain)) ? 'agent' : { reason: 'the guest agent did not answer' };
    case 'running':
      return ranFor(seconds);
    case 'port':
      return tryPort(job, check);
    case 'command': {
      const [address = ''] = await addressesOf(job);
      const variables = {
        VLB_DEPLOY_MACHINE: domain,
        VLB_DEPLOY_URI: virsh.uri,
        VLB_DEPLOY_ADDRESS: address,
      };
      const over = AbortSignal.timeout(Math.max(1, Math.ceil((job.timeout - seconds) * 1000)));
      const done = await job.tools.shell(check.line, variables, AbortSignal.any([signal, over]));
      return done.ok ? 'up' : { reason: `the command ${JSON.stringify(check.line)} did not succeed` };
    }
    case 'console':
      return job.console?.matched() ? 'up' : { reason: `the console did not show ${String(check.pattern)}` };
  }
}

function ranFor(seconds: number): Tried {
  return seconds >= RUNNING_S ? 'up' : { reason: `it did not run for ${RUNNING_S} s` };
}

async function tryPort(
  job: CheckJob,
  { host, port }: { readonly host: string | undefined; readonly port: number },
): Promise<Tried> {
  const addresses = host === undefined ? await addressesOf(job) : [host];
  if (addresses.length === 0) return { reason: 'the guest had no address that libvirt knows of' };
  for (const address of addresses) if (await answers(address, port)) return 'up';
  return { reason: `port ${port} at ${addresses.join(', ')} did not answer` };
}

/** Of the guest: from the leases of libvirt's network, the agent, or the host's table of neighbors. */
async function addressesOf({ virsh, domain }: CheckJob): Promise<readonly string[]> {
  for (const source of ['lease', 'agent', 'arp']) {
    const lines = await virsh.list(['domifaddr', domain, '--source', source]);
    const found = lines.ok ? lines.value.flatMap((line) => /\s(\S+)\/\d+$/.exec(line)?.[1] ?? []) : [];
    const outside = found.filter((address) => !/^(127\.|::1$|fe80:)/i.test(address));
    if (outside.length > 0) return outside;
  }
  return [];
}

/** How long a connection may take, ms. */
const CONNECT_MS = 2000;

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS });
    const end = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.on('connect', () => end(true));
    socket.on('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}
