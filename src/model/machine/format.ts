// The formats of exports: their names, what is written, and their options. The schema of vlb.yaml, completion, help and
// docs/exports.md are made from this table; src/export/ has a file for each.

import type { Where } from '../failure.ts';

export type FormatOption = ChoiceOption | OpenOption;

interface ChoiceOption {
  /** The valid values, the default first. */
  readonly choices: readonly [string, ...string[]];
  readonly text: string;
}

interface OpenOption {
  readonly choices?: undefined;
  /** A text, or several: as the value of an option, those are written as JSON. */
  readonly form: 'text' | 'list' | 'mapping';
  /** A regular expression that a text matches, and a text that does. */
  readonly like?: { readonly pattern: RegExp; readonly example: string };
  readonly text: string;
}

interface Format {
  /** What is written: a noun phrase. */
  readonly text: string;
  /** Who takes it. */
  readonly for: string;
  readonly options?: Readonly<Record<string, FormatOption>>;
}

/** How a container is run that is made of an image. */
const CONTAINER = {
  tag: {
    form: 'text',
    like: {
      pattern:
        /^(([a-z0-9][a-z0-9._-]*(:[0-9]+)?\/)?[a-z0-9][a-z0-9._/-]*:)?[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/,
      example: '1.0 or example.org/web:1.0',
    },
    text: 'tag of the image, possibly with its name. Default: latest, and the name of the machine',
  },
  labels: { form: 'mapping', text: 'labels of the image' },
} as const;

const CONTAINER_RUN = {
  ...CONTAINER,
  entrypoint: { form: 'list', text: 'program that a container runs, with its first arguments' },
  cmd: { form: 'list', text: 'its other arguments, which can be replaced. Without both: /bin/sh' },
  env: { form: 'mapping', text: 'environment variables' },
  user: { form: 'text', text: 'user that it runs as. Default: root' },
  workdir: { form: 'text', text: 'working directory. Default: /' },
} as const;

const BLOBS = { compression: { choices: ['gzip', 'zstd'], text: 'compression of the layers' } } as const;

/** Of systems that run from memory. */
const LIVE = {
  cmdline: {
    form: 'text',
    like: { pattern: /^[\w./:,=@+%-]+( [\w./:,=@+%-]+)*$/, example: 'quiet console=tty0' },
    text: 'arguments of the kernel. Default: console=tty0 and the serial console',
  },
} as const;

export const FORMATS = {
  qcow2: {
    text: 'one qcow2 file for each disk, without backing files',
    for: 'QEMU, libvirt, OpenStack',
    options: {
      compression: { choices: ['zstd', 'zlib', 'none'], text: 'compression of its clusters' },
    },
  },
  raw: { text: 'one raw file for each disk, with holes', for: 'dd, block devices, most clouds' },
  'raw.xz': { text: 'a raw file for each disk, compressed by xz', for: 'downloads' },
  'raw.zst': { text: 'a raw file for each disk, compressed by zstd', for: 'downloads' },
  'raw.gz': { text: 'a raw file for each disk, compressed by gzip', for: 'downloads' },
  vmdk: {
    text: 'a vmdk file for each disk',
    for: 'VMware, VirtualBox',
    options: {
      subformat: {
        choices: ['streamOptimized', 'monolithicSparse'],
        text: 'streamOptimized is compressed, for imports; monolithicSparse can be run',
      },
    },
  },
  vdi: { text: 'a vdi file for each disk', for: 'VirtualBox' },
  vhdx: { text: 'a vhdx file for each disk, dynamic', for: 'Hyper-V' },
  vhd: {
    text: 'a vhd file for each disk',
    for: 'Azure, Hyper-V, Xen',
    options: {
      variant: {
        choices: ['dynamic', 'azure'],
        text: 'azure is fixed in size, and a multiple of 1 MiB, as Azure requires',
      },
    },
  },
  gce: { text: 'disk.raw in a tar.gz', for: 'Google Compute Engine' },
  libvirt: {
    text: 'a domain in XML, a qcow2 file for each disk, and a script that defines it',
    for: 'libvirt: virsh, virt-manager',
    options: {
      type: { choices: ['kvm', 'qemu'], text: 'type of the domain; qemu emulates the processor' },
    },
  },
  qemu: { text: 'a qcow2 file for each disk, and a script that runs them', for: 'QEMU' },
  vmware: {
    text: 'a .vmx file, and a monolithicSparse vmdk file for each disk',
    for: 'VMware Workstation, Player, Fusion',
  },
  virtualbox: { text: 'a .vbox file, and a vdi file for each disk', for: 'VirtualBox' },
  ova: {
    text: 'an archive with an OVF descriptor, a manifest, and a streamOptimized vmdk file for each disk',
    for: 'VMware ESXi and vSphere, VirtualBox, cloud imports',
  },
  proxmox: { text: 'a qcow2 file for each disk, and a script that imports them', for: 'Proxmox VE' },
  openstack: { text: 'a qcow2 file for each disk, and a script that uploads them', for: 'OpenStack' },
  hyperv: { text: 'a vhdx file for each disk, and a PowerShell script that imports them', for: 'Hyper-V' },
  'vagrant-libvirt': { text: 'a Vagrant box with qcow2 disks', for: 'Vagrant with vagrant-libvirt' },
  'vagrant-virtualbox': { text: 'a Vagrant box with an OVF descriptor', for: 'Vagrant with VirtualBox' },
  rootfs: {
    text: 'the files of the system in a tar archive, or a directory',
    for: 'systemd-nspawn, chroots, diskless machines',
    options: {
      as: { choices: ['archive', 'directory'], text: 'what the files are written to' },
      compression: { choices: ['none', 'zstd', 'gzip', 'xz'], text: 'compression of the archive' },
    },
  },
  oci: {
    text: 'the system as a container image in an OCI layout, a layer for each layer',
    for: 'registries, skopeo, podman, buildah',
    options: { ...BLOBS, ...CONTAINER_RUN },
  },
  docker: {
    text: 'the system as a container image in one tar archive',
    for: 'docker load, podman load',
    options: CONTAINER_RUN,
  },
  containerdisk: {
    text: 'a container image with the disk in it, in an OCI layout',
    for: 'KubeVirt',
    options: { ...BLOBS, ...CONTAINER },
  },
  ramdisk: {
    text: 'a kernel and an initrd that has the system in it, and an iPXE script',
    for: 'PXE and HTTP boot, kexec, QEMU',
    options: LIVE,
  },
  iso: {
    text: 'a bootable ISO image that runs the system from memory',
    for: 'CD, USB sticks, virtual media; BIOS and UEFI',
    options: LIVE,
  },
} as const satisfies Readonly<Record<string, Format>>;

export type FormatName = keyof typeof FORMATS;

/** What a machine of vlb.yaml asks for, or a --format. */
export interface ExportOrder {
  readonly format: FormatName;
  /** The options that were given. */
  readonly options: Readonly<Record<string, string>>;
  /** Command lines of the project, for a shell: run before the files are written, and when they are in place. */
  readonly before?: string;
  readonly after?: string;
  readonly where?: Where;
}

/** The names of all formats. */
export const FORMAT_NAMES = Object.keys(FORMATS) as readonly FormatName[]; // its keys are the names

/** Whether a text is the name of a format. */
export function isFormat(text: string): text is FormatName {
  return Object.hasOwn(FORMATS, text);
}

/** The options of a format; none for most. */
export function formatOptions(format: FormatName): Readonly<Record<string, FormatOption>> {
  const about: Format = FORMATS[format];
  return about.options ?? {};
}

/** All options of an order, with the defaults of its format. */
export function optionsOf({ format, options }: ExportOrder): Readonly<Record<string, string>> {
  const defaults = Object.entries(formatOptions(format)).flatMap(([name, { choices }]) =>
    choices ? [[name, choices[0]]] : [],
  );
  return { ...Object.fromEntries(defaults), ...options };
}
