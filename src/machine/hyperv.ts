// The PowerShell script that makes a virtual machine of Hyper-V out of the disks.

import type { MachineNetwork } from '../model/machine/machine.ts';
import { type Description, memoryMiB } from './description.ts';

export function hypervScript({ machine, disks }: Description): string {
  const isUefi = machine.firmware === 'uefi';
  const name = quoted(machine.name);
  const secureBoot = machine.secureBoot ? 'On -SecureBootTemplate MicrosoftUEFICertificateAuthority' : 'Off';
  const lines = [
    `# import.ps1 [-Path DIR] [-Switch NAME]: makes the virtual machine ${machine.name} of Hyper-V with copies of these disks.`,
    '# Run it as an administrator. DIR is by default the directory of Hyper-V for disks, NAME is the switch of cards without a bridge.',
    "param([string]$Path = (Get-VMHost).VirtualHardDiskPath, [string]$Switch = 'Default Switch')",
    "$ErrorActionPreference = 'Stop'",
    `if (Get-VM -Name ${name} -ErrorAction SilentlyContinue) { throw ${quoted(`the virtual machine ${machine.name} exists already`)} }`,
    ...disks.flatMap(({ file }) => [
      `if (Test-Path (Join-Path $Path ${quoted(file)})) { throw ${quoted(`${file} exists already`)} }`,
    ]),
    ...disks.map(({ file }) => `Copy-Item (Join-Path $PSScriptRoot ${quoted(file)}) $Path`),
    `New-VM -Name ${name} -Generation ${isUefi ? 2 : 1} -MemoryStartupBytes ${memoryMiB(machine)}MB -NoVHD | Out-Null`,
    `Set-VM -Name ${name} -ProcessorCount ${machine.cpus} -StaticMemory`,
    `Get-VMNetworkAdapter -VMName ${name} | Remove-VMNetworkAdapter`,
    ...disks.map(
      ({ file }, index) =>
        `Add-VMHardDiskDrive -VMName ${name} ${place(index, isUefi)} -Path (Join-Path $Path ${quoted(file)})`,
    ),
    ...machine.networks.map((network) => `Add-VMNetworkAdapter -VMName ${name} ${adapter(network)}`),
    ...(isUefi
      ? [
          `Set-VMFirmware -VMName ${name} -EnableSecureBoot ${secureBoot}`,
          `Set-VMFirmware -VMName ${name} -FirstBootDevice (Get-VMHardDiskDrive -VMName ${name})[0]`,
        ]
      : []),
    `Write-Output ${quoted(`start it with: Start-VM ${machine.name}`)}`,
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}

/** Machines of the first generation boot from IDE, which has four places; further disks are on SCSI. */
function place(index: number, isUefi: boolean): string {
  if (isUefi) return `-ControllerType SCSI -ControllerNumber 0 -ControllerLocation ${index}`;
  if (index < 4)
    return `-ControllerType IDE -ControllerNumber ${Math.floor(index / 2)} -ControllerLocation ${index % 2}`;
  return `-ControllerType SCSI -ControllerNumber 0 -ControllerLocation ${index - 4}`;
}

function adapter({ bridge, mac }: MachineNetwork): string {
  const name = bridge === undefined ? '$Switch' : quoted(bridge);
  return `-SwitchName ${name} -StaticMacAddress ${mac.replaceAll(':', '').toUpperCase()}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** One SCSI controller, and adapters of a machine: https://learn.microsoft.com/windows-server/virtualization/hyper-v/maximum-scale-limits */
export const HYPERV_MOST = { disks: 64, networks: 8 } as const;
