// The table of hints: syntax, meaning and parser of each. Help, docs/hints.md and error messages are made from it.

import { DISK_NAME, MAIN_DISK } from '../../model/artifact.ts';
import { parseDuration, parseSize } from '../../util/units.ts';
import { takeTarget } from '../layers/targets.ts';
import { HOST_NAME, isImagePath, LOGICAL_VOLUME, PARTITION, UNIT } from './forms.ts';
import type { HintWord } from './word.ts';

/** Also used as a file name, so without slashes and not `..`. */
export const SECRET_NAME = /^[A-Za-z_][\w.-]*$/;

/** A partition, or with a colon a resource: NAME:COUNT or NAME:TYPE:COUNT, see --gres of sbatch(1). A type such as 1g.10gb may begin with digits. */
const PLACE = /^[A-Za-z][\w./-]*(?::(?!\d+(?::|$))[\w.-]+)?(?::[1-9]\d*)?$/;

const SMALLEST_MEMORY = 64 * 2 ** 20;

/** The hints that also work after a plain `# `. A malformed mount is an error; other comments are ignored. */
export const PLAIN_WORDS: Readonly<Record<string, HintWord>> = {
  nocache: {
    form: 'nocache',
    field: { name: 'nocache', shape: 'flag' },
    text: 'The result is not stored: the script runs whenever the result is not in build/.',
    take(draft) {
      draft.nocache = true;
      return undefined;
    },
  },
  noshare: {
    form: 'noshare',
    field: { name: 'noshare', shape: 'flag' },
    text: 'The result is stored locally but never pushed to the shared cache.',
    take(draft) {
      draft.noshare = true;
      return undefined;
    },
  },
  'chroot-bind-mount': {
    form: 'chroot-bind-mount SRC TARGET',
    field: { name: 'chroot-bind-mount', shape: 'pairs' },
    text: 'Mounts SRC, relative to the layer, at TARGET while the script runs; its files are inputs of the layer.',
    take(draft, args, { kind, line }) {
      const [source, target] = args;
      if (args.length !== 2 || source === undefined || !isImagePath(target))
        return 'requires SRC and an absolute TARGET';
      if (kind === 'boot-layer' && !target.startsWith('/mnt/'))
        return 'requires a TARGET below /mnt in a boot-layer';
      draft.bindMounts.push({ source, target });
      return takeTarget(draft, target, line);
    },
  },
  'chroot-mount': {
    form: 'chroot-mount VOLUME TARGET',
    field: { name: 'chroot-mount', shape: 'pairs' },
    text: 'Also mounts VOLUME at TARGET: a partition, pN, a subvolume of its btrfs, pN:NAME, or a volume of LVM, VG/LV.',
    notBooted: 'the booted system mounts its partitions itself',
    take(draft, args, { line }) {
      const [source = '', target] = args;
      const [, number, subvolume] = PARTITION.exec(source) ?? [];
      const volume = LOGICAL_VOLUME.test(source) ? source : undefined;
      const partition = volume ?? (number === undefined ? undefined : Number(number));
      if (args.length !== 2 || partition === undefined || !isImagePath(target)) {
        return 'requires a partition like p2, or VG/LV, and an absolute TARGET; a subvolume is p2:NAME, without commas';
      }
      draft.partitionMounts.push({ partition, ...(subvolume && { subvolume }), target });
      return takeTarget(draft, target, line);
    },
  },
};

/** All hints; `vlb help hints` and the man page show them in this order. */
export const VLB_WORDS: Readonly<Record<string, HintWord>> = {
  ...PLAIN_WORDS,
  from: {
    form: 'from LAYER|scratch',
    field: { name: 'from', shape: 'text' },
    text: 'Builds on LAYER, or on an empty disk (scratch, modify-disk only), instead of the previous layer. `from base` is the base in vlb.yaml, unless a layer has that name.',
    take(draft, args, { kind, line }) {
      const [layer] = args;
      if (args.length !== 1 || layer === undefined) return 'requires a layer name or scratch';
      if (layer === 'scratch' && kind !== 'modify-disk') {
        return 'scratch is only valid in modify-disk: a build-layer requires an existing disk';
      }
      draft.from = layer === 'scratch' ? layer : { layer, line };
      return undefined;
    },
  },
  mount: {
    form: 'mount LAYER TARGET',
    field: { name: 'mount', shape: 'pairs' },
    text: "Mounts another layer's finished file system read-only at TARGET while the script runs (build-layer only).",
    notBooted: 'a guest has its own disk only',
    take(draft, args, { kind, line }) {
      const [layer, target] = args;
      if (args.length !== 2 || layer === undefined || !isImagePath(target)) {
        return 'requires a layer and an absolute TARGET';
      }
      if (kind === 'modify-disk')
        return 'is only valid in build-layer: modify-disk has no file system to mount it in';
      draft.layerMounts.push({ layer, target, line });
      return takeTarget(draft, target, line);
    },
  },
  'cache-dir': {
    form: 'cache-dir TARGET',
    field: { name: 'cache-dirs', shape: 'texts' },
    text: 'Keeps the directory TARGET between builds; it is not part of the image or the key (build-layer only).',
    notBooted: 'a guest has no directory of this host; fetch files in a build-layer',
    take(draft, args, { kind, line }) {
      const [target] = args;
      if (args.length !== 1 || !isImagePath(target)) return 'requires an absolute TARGET';
      if (kind === 'modify-disk')
        return 'is only valid in build-layer: modify-disk has no file system to mount it in';
      draft.cacheDirs.push(target);
      return takeTarget(draft, target, line);
    },
  },
  secret: {
    form: 'secret NAME',
    field: { name: 'secrets', shape: 'texts' },
    text: 'Provides the file passed with --secret NAME=FILE to the script while it runs.',
    take(draft, args, { line }) {
      const [name = ''] = args;
      if (args.length !== 1 || !SECRET_NAME.test(name)) {
        return 'requires a name of letters, digits, dots, dashes and underscores';
      }
      if (draft.secrets.some((secret) => secret.name === name)) return `declares ${name} twice`;
      draft.secrets.push({ name, line });
      return undefined;
    },
  },
  passphrase: {
    form: 'passphrase NAME',
    field: { name: 'passphrases', shape: 'texts' },
    text: 'Opens LUKS volumes of the disk with the secret NAME, which the script has as well (backend vm).',
    notBooted: 'the booted system opens its volumes itself',
    take(draft, args, { kind, line }) {
      const [name = ''] = args;
      if (args.length !== 1 || !SECRET_NAME.test(name)) {
        return 'requires the name of a secret';
      }
      if (kind === 'modify-disk')
        return 'is only valid in build-layer: a modify-disk opens what it needs itself';
      if (draft.passphrases.includes(name)) return `names ${name} twice`;
      draft.passphrases.push(name);
      if (!draft.secrets.some((secret) => secret.name === name)) draft.secrets.push({ name, line });
      return undefined;
    },
  },
  param: {
    form: 'param NAME[=DEFAULT]',
    field: { name: 'params', shape: 'params' },
    text: "Sets a variable in the script's environment, from -p NAME=VALUE or DEFAULT, the rest of the line; a changed value rebuilds the layer.",
    take(draft, _args, { line, text }) {
      const [, name, value] = /^([A-Za-z_]\w*)(?:=(.*))?$/s.exec(text) ?? [];
      if (name === undefined) return 'requires NAME or NAME=DEFAULT';
      if (isOwnVariable(name)) return `cannot declare ${name}: vlb sets this variable`;
      if (draft.params.some((param) => param.name === name)) return `declares ${name} twice`;
      // What is not UTF-8 in a file is read as this character, and the script would get other bytes than those of the hint.
      if (value?.includes('\ufffd')) return `has a default for ${name} that is not UTF-8`;
      draft.params.push({ name, default: value, line });
      return undefined;
    },
  },
  network: {
    form: 'network none',
    field: { name: 'network', shape: 'text' },
    text: 'Runs the script without network access.',
    take(draft, args) {
      if (args.length !== 1 || args[0] !== 'none') return 'has only one valid value: none';
      draft.noNetwork = true;
      return undefined;
    },
  },
  hostname: {
    form: 'hostname NAME',
    field: { name: 'hostname', shape: 'text' },
    text: 'Gives the script this host name, with a line in /etc/hosts while it runs; neither is kept in the image (build-layer only).',
    notBooted: 'a booted system has the host name of its image',
    take(draft, args, { kind, line }) {
      const [name] = args;
      if (args.length !== 1 || name === undefined || !HOST_NAME.test(name)) {
        return 'requires a name like web.example.org, of at most 64 characters';
      }
      if (kind === 'modify-disk') return 'is only valid in build-layer: modify-disk runs on the host';
      draft.hostname = name;
      return takeTarget(draft, '/etc/hosts', line);
    },
  },
  fstab: {
    form: 'fstab ignore',
    field: { name: 'fstab', shape: 'text' },
    text: "Mounts nothing of what the image's /etc/fstab mounts from its disk (build-layer only).",
    notBooted: 'the booted system mounts what its fstab says',
    take(draft, args, { kind }) {
      if (args.length !== 1 || args[0] !== 'ignore') return 'must be "fstab ignore"';
      if (kind === 'modify-disk')
        return 'is only valid in build-layer: a modify-disk mounts what it needs itself';
      draft.fstab = 'ignore';
      return undefined;
    },
  },
  'disk-size': {
    form: 'disk-size SIZE',
    text: 'Creates and attaches a disk of this size, like 20G (modify-disk only).',
    take(draft, args, { kind }) {
      const size = args.length === 1 ? parseSize(args[0] ?? '') : undefined;
      if (size === undefined) return 'requires a size like 20G';
      if (kind !== 'modify-disk') return 'is only valid in modify-disk: a build-layer cannot resize its disk';
      draft.diskSize = size;
      return undefined;
    },
  },
  disk: {
    form: 'disk NAME SIZE',
    field: { name: 'disk', shape: 'pairs' },
    text: 'Creates a further disk, or grows that of the parent to this size; the script has its device in VLB_DISK_NAME.',
    take(draft, args) {
      const [name = '', text = ''] = args;
      const size = args.length === 2 ? parseSize(text) : undefined;
      if (size === undefined || !DISK_NAME.test(name) || name === MAIN_DISK) {
        return 'requires a name of small letters, digits and dashes, other than main, and a size like 10G';
      }
      if (draft.disks.some((disk) => disk.name === name)) return `names the disk ${name} twice`;
      draft.disks.push({ name, size });
      return undefined;
    },
  },
  'sector-size': {
    form: 'sector-size BYTES',
    field: { name: 'sector-size', shape: 'text' },
    text: 'Attaches the disk with sectors of 512 or 4096 bytes; by default 4096 if its GPT is for that, otherwise 512.',
    take(draft, args) {
      if (args.length !== 1 || !/^(512|4096)$/.test(args[0] ?? '')) return 'must be 512 or 4096';
      draft.sectorSize = Number(args[0]);
      return undefined;
    },
  },
  'root-partition': {
    form: 'root-partition N|VG/LV',
    field: { name: 'root-partition', shape: 'text' },
    text: 'Sets the number of the partition, or the volume of LVM, that holds the system; by default the one with /etc/os-release.',
    notBooted: 'the boot loader finds the system',
    take(draft, args) {
      const [volume = ''] = args;
      const isNumber = /^[1-9]\d{0,2}$/.test(volume);
      if (args.length !== 1 || !(isNumber || LOGICAL_VOLUME.test(volume)))
        return 'requires a partition number like 2, or VG/LV';
      draft.rootPartition = isNumber ? Number(volume) : volume;
      return undefined;
    },
  },
  memory: {
    form: 'memory SIZE',
    field: { name: 'memory', shape: 'text' },
    text: 'Sets the memory, like 2G, of the job that builds the layer on an engine; of a boot-layer, the memory of its guest (1G by default).',
    take(draft, args) {
      const size = args.length === 1 ? parseSize(args[0] ?? '') : undefined;
      if (size === undefined || size < SMALLEST_MEMORY) return 'requires a size like 2G, of at least 64M';
      draft.memory = size;
      return undefined;
    },
  },
  cpus: {
    form: 'cpus N',
    field: { name: 'cpus', shape: 'text' },
    text: 'Sets the number of processors of the job that builds the layer on an engine; of a boot-layer, of its guest (2 by default).',
    take(draft, args) {
      if (args.length !== 1 || !/^[1-9]\d{0,2}$/.test(args[0] ?? '')) return 'requires a number like 2';
      draft.cpus = Number(args[0]);
      return undefined;
    },
  },
  place: {
    form: 'place PARTITION|GRES',
    field: { name: 'places', shape: 'texts' },
    text: 'Names the partition, like big, or the generic resource, like gpu:1, that an engine gives to the job of the layer.',
    take(draft, args, { line }) {
      const [name = ''] = args;
      if (args.length !== 1 || !PLACE.test(name))
        return 'requires a partition like big, or a resource like gpu:1';
      if (!name.includes(':') && draft.places.some((one) => !one.name.includes(':')))
        return 'names a second partition';
      draft.places.push({ name, line });
      return undefined;
    },
  },
  'wait-for': {
    form: 'wait-for UNIT',
    text: 'Starts the script when this unit of systemd is active, instead of when the whole system has started (boot-layer only).',
    isBooted: true,
    take(draft, args) {
      const [unit = ''] = args;
      if (args.length !== 1 || !UNIT.test(unit)) return 'requires the name of a unit like postgresql.service';
      draft.waitFor = unit;
      return undefined;
    },
  },
  timeout: {
    form: 'timeout TIME',
    field: { name: 'timeout', shape: 'text' },
    text: 'Stops the script after this time, like 90s, 30m or 2h.',
    take(draft, args) {
      const seconds = args.length === 1 ? parseDuration(args[0] ?? '') : undefined;
      if (seconds === undefined) return 'requires a duration like 90s, 30m or 2h';
      draft.timeout = seconds;
      return undefined;
    },
  },
  'max-age': {
    form: 'max-age TIME',
    field: { name: 'max-age', shape: 'text' },
    text: 'Rebuilds the layer when its result is older than this, like 12h or 7d.',
    take(draft, args) {
      const seconds = args.length === 1 ? parseDuration(args[0] ?? '') : undefined;
      if (seconds === undefined) return 'requires a duration like 12h or 7d';
      draft.maxAge = seconds;
      return undefined;
    },
  },
};

/** Whether vlb sets this variable for every script, see src/execute/run/task.ts. */
export function isOwnVariable(name: string): boolean {
  return /^(?:PATH|HOME|LANG|TERM|TMPDIR|SOURCE_DATE_EPOCH|VLB.*|.*_proxy|.*_PROXY)$/.test(name);
}
