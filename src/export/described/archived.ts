// The formats whose disks and descriptor are in one tar archive: ova, vagrant-libvirt and vagrant-virtualbox.

import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Description } from '../../machine/description.ts';
import { ovf, ovfManifest } from '../../machine/ovf.ts';
import {
  libvirtMetadata,
  libvirtVagrantfile,
  virtualBoxMetadata,
  virtualBoxVagrantfile,
} from '../../machine/vagrant.ts';
import { VIRTUALBOX_CARDS, VIRTUALBOX_MOST } from '../../machine/virtualbox.ts';
import { VMWARE_CARDS, VMWARE_MOST } from '../../machine/vmware.ts';
import { failAt, ok, type Result } from '../../model/failure.ts';
import type { Exporter, ExportJob, ExportTools } from '../../model/ports/exporter.ts';
import { eachDisk } from '../each-disk.ts';
import { ZSTD_QCOW2 } from '../qcow2.ts';
import { STREAM_VMDK } from '../vmdk.ts';
import { describe, unable, writeText } from './describe.ts';

/** Disks are on one SATA controller, and the machine is of VMware's. */
const OVA_MOST = { ...VMWARE_MOST, disks: 30 } as const;

/** The names of an archive's files, in the order in which they are in it. */
type Names = readonly string[];

export function ovaExporter(tools: ExportTools): Exporter {
  const writeDisks = eachDisk('vmdk', STREAM_VMDK);
  return {
    version: 1,
    describesMachine: true,
    refusal: (job) =>
      unable('ova', job, { architectures: ['x86_64'], cards: Object.keys(VMWARE_CARDS), ...OVA_MOST }),
    write: archived(tools, 'ova', async (job) => {
      const written = await writeDisks(job);
      if (!written.ok) return written;
      const description = describe(job, 'vmdk');
      const descriptor = `${job.machine.name}.ovf`;
      const described = writeText(
        job,
        descriptor,
        ovf(description, { files: filesOf(description, job), forVirtualBox: false }),
      );
      if (!described.ok) return described;
      // The standard wants the descriptor first, then the manifest, then the disks as they are listed.
      const disks = description.disks.map(({ file }) => file);
      const digests: { name: string; sha256: string }[] = [];
      for (const name of [descriptor, ...disks]) {
        const digest = await digestOf(path.join(job.directory, name), job.signal);
        if (!digest.ok) return digest;
        digests.push({ name, sha256: digest.value });
      }
      const manifest = `${job.machine.name}.mf`;
      const listed = writeText(job, manifest, ovfManifest(digests));
      return listed.ok ? ok([descriptor, manifest, ...disks]) : listed;
    }),
  };
}

export function vagrantLibvirtExporter(tools: ExportTools): Exporter {
  return {
    version: 1,
    describesMachine: true,
    refusal: (job) => unable('vagrant-libvirt', job, { uefi: false }),
    write: archived(tools, 'box', async (job) => {
      const description = describe(job, 'qcow2');
      const [main, ...others] = description.disks;
      // The name that is fixed for boxes with one disk.
      const only = others.length === 0 ? 'box.img' : undefined;
      const disks = only === undefined ? description.disks.map(({ file }) => file) : [only];
      const writeDisks = eachDisk('qcow2', (disk, target, one) =>
        ZSTD_QCOW2(disk, only === undefined ? target : path.join(path.dirname(target), only), one),
      );
      const texts = [
        ['metadata.json', libvirtMetadata({ disks: [main, ...others] })],
        ['Vagrantfile', libvirtVagrantfile(description)],
      ] as const;
      const described = writeAll(job, texts);
      if (!described.ok) return described;
      const written = await writeDisks(job);
      return written.ok ? ok([...texts.map(([name]) => name), ...disks]) : written;
    }),
  };
}

export function vagrantVirtualBoxExporter(tools: ExportTools): Exporter {
  const writeDisks = eachDisk('vmdk', STREAM_VMDK);
  return {
    version: 1,
    describesMachine: true,
    refusal: (job) =>
      unable('vagrant-virtualbox', job, {
        architectures: ['x86_64'],
        cards: Object.keys(VIRTUALBOX_CARDS),
        uefi: false,
        ...VIRTUALBOX_MOST,
      }),
    write: archived(tools, 'box', async (job) => {
      const written = await writeDisks(job);
      if (!written.ok) return written;
      const description = describe(job, 'vmdk');
      const texts = [
        ['metadata.json', virtualBoxMetadata()],
        ['Vagrantfile', virtualBoxVagrantfile(description)],
        ['box.ovf', ovf(description, { files: filesOf(description, job), forVirtualBox: true })],
      ] as const;
      const described = writeAll(job, texts);
      if (!described.ok) return described;
      return ok([...texts.map(([name]) => name), ...description.disks.map(({ file }) => file)]);
    }),
  };
}

/** Writes files to the scratch directory, and an archive of them to the export's. */
function archived(
  { packer }: Pick<ExportTools, 'packer'>,
  extension: string,
  writeFiles: (job: ExportJob) => Promise<Result<Names>>,
): Exporter['write'] {
  return async (job) => {
    const directory = path.join(job.scratch, 'archive');
    mkdirSync(directory);
    const names = await writeFiles({
      ...job,
      directory,
      onProgress: (part) => job.onProgress(part * DISKS_DONE),
    });
    if (!names.ok) return names;
    const target = path.join(job.directory, `${job.machine.name}.${extension}`);
    return packer.tarFiles(directory, names.value, target, job.signal);
  };
}

/** The part of the work that is done when the disks are written, roughly. */
const DISKS_DONE = 0.9;

function writeAll(job: ExportJob, texts: readonly (readonly [name: string, text: string])[]): Result<void> {
  for (const [name, text] of texts) {
    const written = writeText(job, name, text);
    if (!written.ok) return written;
  }
  return ok();
}

function filesOf({ disks }: Description, { directory }: ExportJob) {
  return disks.map(({ file: name }) => ({ name, size: statSync(path.join(directory, name)).size }));
}

async function digestOf(file: string, signal: AbortSignal): Promise<Result<string>> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash, { signal });
    return ok(hash.digest('hex'));
  } catch (error) {
    return failAt(file, 'cannot read the disk', error);
  }
}
