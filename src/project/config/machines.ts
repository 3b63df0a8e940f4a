// `machines:` of vlb.yaml as values.

import { MAIN_DISK } from '../../model/artifact.ts';
import type { Where } from '../../model/failure.ts';
import { type ExportOrder, isFormat } from '../../model/machine/format.ts';
import {
  DEFAULT_CPUS,
  DEFAULT_MEMORY,
  DEFAULT_NIC_MODEL,
  type ImageDisk,
  type Machine,
  type MachineDisk,
  type MachineNetwork,
  type MachineTemplate,
  macOf,
} from '../../model/machine/machine.ts';
import { parseSize } from '../../util/units.ts';
import { paramsIn } from './fields.ts';
import type { ConfigFile } from './schema.ts';

type Machines = NonNullable<ConfigFile['machines']>;
type MachineFields = Machines[string];

/** A machine of vlb.yaml, and where it is there. */
export interface NamedMachine {
  readonly machine: Machine;
  /** The values of parameters, for this machine alone: of the layers of its disks. */
  readonly params: ReadonlyMap<string, string>;
  readonly where: Where;
}

/** @param whereOf the place of a machine, or of one of its disks or exports, by keys and indices below `machines:` */
export function machinesOf(
  machines: Machines,
  whereOf: (path: readonly (string | number)[]) => Where,
): readonly NamedMachine[] {
  return Object.entries(machines).map(([name, given]) => ({
    machine: machineFrom(name, given, whereOf),
    params: paramsIn(given.params),
    where: whereOf([name]),
  }));
}

function machineFrom(
  name: string,
  { memory, cpus, firmware, networks, os, template, exports, ...given }: MachineFields,
  whereOf: (path: readonly (string | number)[]) => Where,
): Machine {
  const [system = {}, ...others] = given.disks;
  return {
    name,
    disks: [systemDisk(system), ...others.map(diskFrom)],
    memory: parseSize(memory ?? '') ?? DEFAULT_MEMORY,
    cpus: Number(cpus ?? DEFAULT_CPUS),
    firmware: firmware ?? 'bios',
    secureBoot: String(given['secure-boot']) === 'true',
    networks: (networks ?? [{}]).map((network, card) => networkFrom(name, network, card)),
    ...(os === undefined ? {} : { os }),
    ...(template === undefined ? {} : { template: templateFrom(template) }),
    exports: (exports ?? []).map((order, index) => ({
      ...orderFrom(order),
      where: whereOf([name, 'exports', index]),
    })),
  };
}

function templateFrom({
  name,
  notes,
  expand,
  lvexpand,
}: NonNullable<MachineFields['template']>): MachineTemplate {
  return {
    ...(name === undefined ? {} : { name }),
    ...(notes === undefined ? {} : { notes }),
    ...(expand === undefined ? {} : { expand }),
    ...(lvexpand === undefined ? {} : { lvexpand }),
  };
}

type DiskFields = MachineFields['disks'][number];

function systemDisk({ image = '' }: DiskFields): ImageDisk {
  return { name: MAIN_DISK, image };
}

function diskFrom({ name = '', image, size }: DiskFields): MachineDisk {
  return image === undefined ? { name, size: parseSize(size ?? '') ?? 0 } : { name, image };
}

function networkFrom(
  machine: string,
  { bridge, network, model, mac }: NonNullable<MachineFields['networks']>[number],
  card: number,
): MachineNetwork {
  return {
    ...(bridge === undefined ? {} : { bridge }),
    ...(network === undefined ? {} : { network }),
    model: model ?? DEFAULT_NIC_MODEL,
    mac: (mac ?? macOf(machine, card)).toLowerCase(),
  };
}

function orderFrom(given: NonNullable<MachineFields['exports']>[number]): ExportOrder {
  const fields: Readonly<Record<string, unknown>> = typeof given === 'string' ? { format: given } : given;
  const { format, before, after, ...options } = fields;
  if (typeof format !== 'string' || !isFormat(format)) {
    throw new Error(`the schema accepted the format ${String(format)}`);
  }
  return {
    format,
    options: Object.fromEntries(
      Object.entries(options).map(([name, value]) => [
        name,
        typeof value === 'object' ? JSON.stringify(value) : String(value),
      ]),
    ),
    ...(typeof before === 'string' ? { before } : {}),
    ...(typeof after === 'string' ? { after } : {}),
  };
}
