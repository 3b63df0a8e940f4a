// Which disk of a domain is the system disk: a deployment replaces that one, so it is refused where this is not certain.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { Machine } from '../../model/machine/machine.ts';
import type { Domain, DomainDisk } from './domain.ts';
import type { DeployState } from './state.ts';

/**
 * The state of a domain that vlb defined, if its system disk is still the one that vlb gave it, and it has the data disks of
 * vlb.yaml. Fails as `usage`.
 */
export function ownState(domain: Domain, machine: Machine): Result<DeployState> {
  const { state } = domain;
  if (state === undefined) {
    return fail('usage', `the domain ${machine.name} was not defined by vlb`, {
      hint: 'use another name for the machine, or --adopt to replace the system disk of this domain',
    });
  }
  if (state === 'unreadable') {
    return fail(
      'usage',
      `the metadata of the domain ${machine.name} was written by another version of vlb, or changed`,
      {
        hint: 'use that vlb, or --adopt to start over with the disks that the domain has now',
      },
    );
  }
  const disk = domain.disks.find(({ target }) => target === state.target);
  if (disk?.file !== state.current.file) {
    const now = disk?.file ?? (disk ? 'something that is not a file' : 'not there');
    return fail('usage', `it is not certain which disk of ${machine.name} is the system disk`, {
      detail: [`${state.target} was ${state.current.file} after the last deployment, and is ${now}`],
      hint: 'delete snapshots, or use --adopt if that is the system disk',
    });
  }
  if (domain.disks.some((one) => one !== disk && one.file === state.current.file)) {
    return fail('usage', `two disks of ${machine.name} are the same file`, {
      where: { file: state.current.file },
    });
  }
  const missing = missingDisk(domain, machine, disk);
  return missing ?? ok(state);
}

function missingDisk(
  domain: Domain,
  machine: Machine,
  system: DomainDisk,
): ReturnType<typeof fail> | undefined {
  const [, ...data] = machine.disks;
  const missing = data.find(({ name }) => !domain.disks.some((one) => one !== system && one.serial === name));
  if (!missing) return undefined;
  return fail('usage', `the domain ${machine.name} has no data disk with the serial number ${missing.name}`, {
    hint: `attach one (virsh attach-disk … --serial ${missing.name} --config), or remove it from vlb.yaml`,
  });
}

/**
 * The state of a domain that vlb takes over: its system disk is the only one, the one that boots first, or the one that is left
 * apart from the data disks of vlb.yaml, by their serial numbers. Fails as `usage`.
 * @param pool absolute path of the directory of the disks; by default that of the system disk
 */
export function adoptedState(
  domain: Domain,
  machine: Machine,
  hardware: Pick<DeployState, 'memory' | 'cpus'>,
  pool: string | undefined,
): Result<DeployState> {
  const [, ...data] = machine.disks;
  const names = new Set(data.map(({ name }) => name));
  const left = domain.disks.filter(({ serial }) => serial === undefined || !names.has(serial));
  const system = left.length === 1 ? left[0] : left.find(({ order }) => order === '1');
  if (!system) {
    return fail('usage', `it is not certain which disk of ${machine.name} is the system disk`, {
      detail: domain.disks.map(
        ({ target, file, serial }) => `${target}  ${serial ?? '-'}  ${file ?? 'not a file'}`,
      ),
      hint: 'give the data disks their names in vlb.yaml as <serial>, or the system disk <boot order="1"/>, with virsh edit',
    });
  }
  const { file, format, target } = system;
  if (file === undefined) {
    return fail('usage', `the system disk of ${machine.name} is not a file`, {
      hint: 'vlb replaces only files; move the disk into one',
    });
  }
  const missing = missingDisk(domain, machine, system);
  if (missing) return missing;
  return ok({
    phase: 'settled',
    pool: pool ?? file.replace(/\/[^/]*$/, ''),
    target,
    ...hardware,
    current: { number: 0, file, format, content: '', hasAgent: false },
    earlier: [],
    discarded: [],
    data: [],
  });
}
