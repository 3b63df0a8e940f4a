// Deploying to libvirt: what is there is found, the plan is made, and its steps are done.

import { readFileSync } from 'node:fs';
import { MAIN_DISK } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Machine } from '../../model/machine/machine.ts';
import type { DeployEnd, Deployment, DeployWish } from '../../model/ports/deployer.ts';
import type { DeployTools } from '../tools.ts';
import { readDomain } from './domain.ts';
import { type DeployPlan, describePlan, type Found, planSteps, type Wanted } from './plan.ts';
import { filesIn, findPool, openPool, type Pool } from './pool.ts';
import { dataNames, definitionIn, StepRunner } from './run-steps.ts';
import { adoptedState, ownState } from './system-disk.ts';
import { isOff, Virsh } from './virsh.ts';

export type LibvirtWish = Omit<DeployWish, 'target'>;

/** What is there before a deployment. */
interface Site {
  readonly found: Found;
  readonly pool: Pool;
  /** The names of the files in the pool, where they are known. */
  readonly files: ReadonlySet<string> | undefined;
}

/** @param uri of the connection */
export async function prepareLibvirt(
  uri: string,
  wish: LibvirtWish,
  tools: DeployTools,
): Promise<Result<Deployment>> {
  if (wish.full) return fail('usage', '--full requires a block device or a file');
  if (wish.rollback && wish.adopt) return fail('usage', 'use either --rollback or --adopt, not both');
  for (const tool of ['virsh', ...(wish.check.type === 'console' ? ['script'] : [])]) {
    const installed = tools.require(tool);
    if (!installed.ok) return installed;
  }
  const virsh = new Virsh(uri, tools);
  const site = await look(virsh, wish);
  if (!site.ok) return site;
  const first = planSteps(site.value.found, wantedAt(site.value, wish, undefined));
  if (!first.ok) return first;
  return ok({
    needs: wish.rollback ? 'nothing' : 'libvirt',
    steps: (content) => {
      const plan = planSteps(site.value.found, wantedAt(site.value, wish, content));
      return plan.ok ? describePlan(plan.value) : [];
    },
    run: async (source, listener, signal) => {
      // Much may have happened while the layers were built.
      const now = await look(virsh, wish);
      if (!now.ok) return { outcome: 'failed', failure: now.failure };
      const pool = await openPool(virsh, now.value.pool);
      if (!pool.ok) return { outcome: 'failed', failure: pool.failure };
      await using open = pool.value;
      const files = now.value.files ? ok(now.value.files) : await open.files();
      if (!files.ok) return { outcome: 'failed', failure: files.failure };
      const known = { ...now.value, files: files.value };
      const taken = takenFile(known, wish.machine);
      if (taken) return { outcome: 'failed', failure: taken.failure };
      const content = wish.rollback ? undefined : source.content;
      const plan = planSteps(known.found, wantedAt(known, wish, content, source.directory));
      if (!plan.ok) return { outcome: 'failed', failure: plan.failure };
      if (plan.value.length === 0) return { outcome: wish.rollback ? 'rolled back' : 'fresh' };
      const { directory } = known.pool;
      using runner = new StepRunner({
        ...{ virsh, pool: open, directory, wish, tools, source, listener },
        files: known.files,
        before: known.found.domain === 'ours' ? known.found.state : undefined,
      });
      return await runAll(plan.value, runner, wish, signal);
    },
  });
}

async function runAll(
  plan: DeployPlan,
  runner: StepRunner,
  { rollback, machine }: LibvirtWish,
  signal: AbortSignal,
): Promise<DeployEnd> {
  for (const { steps, undo, goesBackTo } of plan) {
    const done = await runner.all(steps, signal);
    if (done.ok) continue;
    if (undo.length === 0) return { outcome: 'failed', failure: done.failure };
    if (goesBackTo) runner.listener.stage('go back');
    // What was begun is undone in any case: the signal is not heard any more.
    const undone = await runner.all(undo, NEVER);
    if (!undone.ok) {
      const { failure } = undone;
      const detail = [...(done.failure.detail ?? []), failure.message, ...(failure.detail ?? [])];
      const hint = 'deploy again, or go back with --rollback: either finishes what was begun';
      return { outcome: 'failed', failure: { ...done.failure, detail, hint } };
    }
    if (!goesBackTo) return { outcome: 'failed', failure: done.failure };
    const kind = done.failure.kind === 'interrupted' ? 'interrupted' : 'work';
    const hint = `${machine.name} runs with the earlier system disk again: ${goesBackTo.file}`;
    return { outcome: 'rolled back', failure: { ...done.failure, kind, hint } };
  }
  return { outcome: rollback ? 'rolled back' : 'deployed' };
}

const NEVER = new AbortController().signal;

/** Finds the domain and its pool. Changes nothing. */
async function look(virsh: Virsh, wish: LibvirtWish): Promise<Result<Site>> {
  const { machine } = wish;
  const names = await virsh.list(['list', '--all', '--name']);
  if (!names.ok) return names;
  const given =
    wish.pool === undefined && names.value.includes(machine.name)
      ? ok(undefined)
      : await findPool(virsh, wish.pool);
  if (!given.ok) return given;
  const found = names.value.includes(machine.name)
    ? await lookAt(virsh, wish, given.value?.directory)
    : ok({ domain: 'absent' } as const);
  if (!found.ok) return found;
  if (found.value.domain === 'absent' && wish.adopt) {
    return fail('usage', `there is no domain ${machine.name} to take over`, { hint: 'leave out --adopt' });
  }
  const directory = found.value.domain === 'ours' ? found.value.state.pool : given.value?.directory;
  if (given.value && directory !== given.value.directory) {
    return fail(
      'usage',
      `the disks of ${machine.name} are in ${directory}, and --pool says ${given.value.directory}`,
      {
        hint: 'leave out --pool: new disks are beside the old ones',
      },
    );
  }
  const pool = given.value ?? (await findPool(virsh, directory));
  const open = 'ok' in pool ? pool : ok(pool);
  if (!open.ok) return open;
  const reserved = wish.reserved.find((own) => `${open.value.directory}/`.startsWith(`${own}/`));
  if (reserved !== undefined) {
    return fail('usage', 'libvirt would change the owner of what vlb keeps there', {
      where: { file: open.value.directory },
      hint: 'give another --pool, outside of build/ and .vlb/',
    });
  }
  const { name: active } = open.value.isActive ? open.value : { name: undefined };
  const files = active === undefined ? ok(undefined) : await filesIn(virsh, active);
  if (!files.ok) return files;
  const site = { found: found.value, pool: open.value, files: files.value };
  return takenFile(site, machine) ?? ok(site);
}

/** A domain that is there: its state, or why it must not be touched. */
async function lookAt(
  virsh: Virsh,
  { machine, adopt }: LibvirtWish,
  pool: string | undefined,
): Promise<Result<Found>> {
  const info = await virsh.list(['dominfo', machine.name]);
  if (!info.ok) return info;
  const field = (name: string) =>
    info.value
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  if (field('Persistent') === 'no') {
    return fail('usage', `the domain ${machine.name} is transient`, {
      hint: 'stop it, or give the machine another name',
    });
  }
  if (field('Managed save') === 'yes') {
    return fail('usage', `the domain ${machine.name} is saved, with unwritten data of its disks`, {
      hint: `start it (virsh start ${machine.name}), or discard what was saved (virsh managedsave-remove ${machine.name})`,
    });
  }
  const xml = await virsh.run(['dumpxml', '--inactive', '--security-info', machine.name]);
  if (!xml.ok) return xml;
  const domain = readDomain(xml.value);
  const own = ownState(domain, machine);
  const isRunning = !isOff(field('State') ?? '');
  if (own.ok || !adopt) return own.ok ? ok({ domain: 'ours', isRunning, state: own.value }) : own;
  const adopted = adoptedState(domain, machine, hardwareOf(machine), pool);
  return adopted.ok ? ok({ domain: 'ours', isRunning, state: adopted.value }) : adopted;
}

/** A new domain must not get a data disk of another one, which may hold what a removed domain left. */
function takenFile({ found, files }: Site, machine: Machine): ReturnType<typeof fail> | undefined {
  if (found.domain !== 'absent') return undefined;
  const taken = dataNames(machine).find(([, name]) => files?.has(name));
  if (!taken) return undefined;
  return fail('usage', `the pool has a file ${taken[1]} already, and no domain ${machine.name} uses it`, {
    hint: 'vlb does not touch it: move it away, or define a domain with it and use --adopt',
  });
}

function hardwareOf({ memory, cpus }: Machine): { readonly memory: number; readonly cpus: number } {
  return { memory: Math.ceil(memory / 1024 ** 2), cpus };
}

/** @param exported the directory of the export, where there is one */
function wantedAt(
  { pool: { directory }, files }: Site,
  wish: LibvirtWish,
  content: string | undefined,
  exported?: string,
): Wanted {
  const { machine, rollback, force, keep, check } = wish;
  return {
    ...{ rollback, force, keep, content },
    ...hardwareOf(machine),
    seesStart: check.type === 'console',
    pool: directory,
    target: exported === undefined ? '' : systemTarget(exported, machine),
    fileOf: (number) => `${directory}/${machine.name}.system.${number}.qcow2`,
    data: dataNames(machine).map(([, name]) => `${directory}/${name}`),
    exists: (file) => {
      if (!file.startsWith(`${directory}/`)) return false;
      return files?.has(file.slice(directory.length + 1));
    },
  };
}

/** As the export defines it. */
function systemTarget(exported: string, machine: Machine): string {
  const { disks } = readDomain(readFileSync(definitionIn(exported, machine), 'utf8'));
  return disks.find(({ serial }) => serial === MAIN_DISK)?.target ?? '';
}
