// The texts in a Vagrant box: metadata.json, and a Vagrantfile with the machine's memory and processors.

import type { Machine } from '../model/machine/machine.ts';
import { type Description, memoryMiB, osOfMachine } from './description.ts';

/** For the provider vagrant-libvirt. With one disk in the form that all of its versions read. */
export function libvirtMetadata({ disks }: Pick<Description, 'disks'>): string {
  const [{ size }, ...others] = disks;
  const gibibytes = Math.ceil(size / 1024 ** 3);
  const about = { provider: 'libvirt', format: 'qcow2' };
  if (others.length === 0) return json({ ...about, virtual_size: gibibytes });
  return json({ ...about, disks: disks.map(({ file, name }) => ({ path: file, name, format: 'qcow2' })) });
}

export function virtualBoxMetadata(): string {
  return json({ provider: 'virtualbox' });
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export function libvirtVagrantfile({ machine }: Pick<Description, 'machine'>): string {
  const isWindows = osOfMachine(machine).isWindows;
  return vagrantfile('libvirt', [
    `memory = ${memoryMiB(machine)}`,
    `cpus = ${machine.cpus}`,
    `disk_bus = '${isWindows ? 'sata' : 'virtio'}'`,
    `nic_model_type = '${machine.networks[0]?.model ?? 'virtio'}'`,
  ]);
}

/** @param mac of the first card, where the machine has one */
export function virtualBoxVagrantfile({ machine }: Pick<Description, 'machine'>): string {
  return vagrantfile(
    'virtualbox',
    [`memory = ${memoryMiB(machine)}`, `cpus = ${machine.cpus}`],
    baseMac(machine),
  );
}

function baseMac({ networks }: Machine): string {
  const mac = networks[0]?.mac.replaceAll(':', '').toUpperCase();
  return mac === undefined ? '' : `  config.vm.base_mac = '${mac}'\n`;
}

function vagrantfile(provider: string, settings: readonly string[], more = ''): string {
  const lines = settings.map((setting) => `    machine.${setting}\n`).join('');
  return `Vagrant.configure('2') do |config|\n${more}  config.vm.provider :${provider} do |machine|\n${lines}  end\nend\n`;
}
