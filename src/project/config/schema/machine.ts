// The schema of `machines:` in vlb.yaml.

import * as v from 'valibot';
import {
  FORMAT_NAMES,
  type FormatName,
  type FormatOption,
  formatOptions,
  isFormat,
} from '../../../model/machine/format.ts';
import { guessHint } from '../../../util/nearest.ts';
import { parseSize } from '../../../util/units.ts';
import { fields, isUnknownField, noList, params, text } from '../fields.ts';

const SIZE_RULE = 'must be a size like 10G';
const MEMORY_RULE = 'must be a size like 2G, at least 16M';
const CPUS_RULE = 'must be a number from 1 to 255';
const DISKS_RULE = 'must be a list of disks, like "- image: 20_app"';
const DISK_RULE = 'must be a mapping with image, or with name and size';
const NETWORKS_RULE = 'must be a list of networks, like "- bridge: br0"';
const BRIDGE_RULE = 'must be the name of a bridge, like br0';
const EXPORTS_RULE = 'must be a list of formats, like [qcow2, raw.xz]';
const LEAST_MEMORY = 16 * 1024 ** 2;

/** The name of something that becomes a file. */
export const fileName = v.pipe(
  text(),
  v.regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    'is not a valid file name: use letters, digits, dots, dashes and underscores, up to 100',
  ),
);

const image = v.pipe(
  text('must be the name of a layer or an image'),
  v.nonEmpty('must be the name of a layer or an image'),
  v.description('Layer, or image of images:, that the disk is made from.'),
);

const disk = v.pipe(
  fields('', DISK_RULE, {
    name: v.optional(
      v.pipe(
        text(),
        v.regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be lower-case letters, digits and dashes, like data'),
        v.description('Name of the disk, in the names of its files. The first one is main.'),
      ),
    ),
    image: v.optional(image),
    size: v.optional(
      v.pipe(
        text(SIZE_RULE),
        v.check((size) => parseSize(size) !== undefined && /[a-z]$/i.test(size), SIZE_RULE),
        v.description('Size of an empty disk, like 10G, in the place of image.'),
      ),
    ),
  }),
  v.check(({ image, size }) => (image === undefined) !== (size === undefined), DISK_RULE),
);

const disks = v.pipe(
  v.array(disk, DISKS_RULE),
  v.nonEmpty(DISKS_RULE),
  v.check(
    ([system]) => system?.image !== undefined && (system.name ?? 'main') === 'main',
    'must begin with the system disk, which has an image and no name but main',
  ),
  v.check(
    ([, ...others]) => others.every(({ name }) => name !== undefined),
    'must have a name for each disk but the first',
  ),
  v.check(
    (all) => new Set(all.map(({ name = 'main' }) => name)).size === all.length,
    'must have different names',
  ),
);

const network = fields('', 'must be a mapping like "bridge: br0"', {
  bridge: v.optional(
    v.pipe(
      text(BRIDGE_RULE),
      v.regex(/^[A-Za-z0-9._-]{1,15}$/, BRIDGE_RULE),
      v.description('Bridge of the host that the network card is a port of.'),
    ),
  ),
  network: v.optional(
    v.pipe(
      text(),
      v.regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be the name of a network, like default'),
      v.description('Network of libvirt, in the place of bridge. Default: default.'),
    ),
  ),
  model: v.optional(
    v.pipe(
      v.picklist(
        ['virtio', 'e1000', 'e1000e', 'rtl8139', 'vmxnet3'],
        'must be virtio, e1000, e1000e, rtl8139 or vmxnet3',
      ),
      v.description('Model of the network card. Default: virtio.'),
    ),
  ),
  mac: v.optional(
    v.pipe(
      text(),
      v.regex(
        /^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$/,
        'must be a unicast MAC address, like 52:54:00:12:34:56',
      ),
      v.description('MAC address. Default: one that is derived from the name of the machine.'),
    ),
  ),
});

const ORDER_RULE = 'must be a list of formats, or of mappings with format';

const HOOKS = {
  before: v.optional(v.pipe(command(), v.description('Command line to run before the export is written.'))),
  after: v.optional(v.pipe(command(), v.description('Command line to run when the export is written.'))),
};

/** A format with options, as `{ format: qcow2, compression: zlib }`, each with its own. */
const order = v.union(
  [
    v.pipe(
      v.string(),
      v.check(isFormat, (issue) => unknownFormat(issue.input)),
    ),
    v.variant('format', FORMAT_NAMES.map(orderWithOptions), (issue) =>
      typeof issue.input === 'string' ? unknownFormat(issue.input) : ORDER_RULE,
    ),
  ],
  ORDER_RULE,
);

function orderWithOptions(format: FormatName) {
  const options = Object.entries(formatOptions(format)).map(([name, option]) => {
    const about = `With the format ${format}: ${option.text}.${option.choices ? ` Default: ${option.choices[0]}.` : ''}`;
    return [name, v.optional(v.pipe(optionSchema(option), v.description(about)))] as const;
  });
  return v.strictObject({ format: v.literal(format), ...HOOKS, ...Object.fromEntries(options) }, (issue) =>
    isUnknownField(issue)
      ? `unknown field "${String(issue.path?.[0].key)}" (${optionsHint(format)})`
      : ORDER_RULE,
  );
}

function command() {
  const rule = 'must be a command line, like ./upload.sh';
  return v.pipe(text(rule), v.nonEmpty(rule));
}

function optionSchema(option: FormatOption) {
  if (option.choices) return v.picklist(option.choices, `must be ${option.choices.join(' or ')}`);
  const { form, like } = option;
  if (form === 'list') return v.array(text('must be a list of strings'), 'must be a list of strings');
  if (form === 'mapping') {
    return noList(v.record(v.string(), text('must be a string'), 'must be a mapping of strings'));
  }
  return like ? v.pipe(text(), v.regex(like.pattern, `must be like ${like.example}`)) : text();
}

function optionsHint(format: FormatName): string {
  const names = [...Object.keys(formatOptions(format)), ...Object.keys(HOOKS)];
  return `options of ${format}: ${names.join(', ')}`;
}

function unknownFormat(name: unknown): string {
  const hint = guessHint(String(name), FORMAT_NAMES, `valid formats: ${FORMAT_NAMES.join(', ')}`);
  return `has an unknown format "${String(name)}" (${hint})`;
}

const template = fields('', 'must be a mapping like "notes: A web server"', {
  name: v.optional(
    v.pipe(
      text(),
      v.regex(/^\S(.*\S)?$/, 'must be one line'),
      v.description(
        'With vlb publish: title of the template. Default: what the system in the image calls itself.',
      ),
    ),
  ),
  notes: v.optional(
    v.pipe(
      text(),
      v.regex(/^\S/, 'must be a text that does not begin with a blank'),
      v.description('Notes on the template, of any number of lines.'),
    ),
  ),
  expand: v.optional(
    device('Partition that gets the space of a larger disk. Default: that of the root file system.'),
  ),
  lvexpand: v.optional(device('Logical volume that gets the space of that partition, like /dev/vg/root.')),
});

function device(about: string) {
  return v.pipe(
    text(),
    v.regex(/^\/dev\/[A-Za-z0-9._/-]+$/, 'must be a device, like /dev/sda1'),
    v.description(about),
  );
}

export const memory = v.pipe(
  text(MEMORY_RULE),
  v.check((size) => (parseSize(size) ?? 0) >= LEAST_MEMORY, MEMORY_RULE),
);

export const cpus = v.union(
  [v.pipe(v.string(), v.regex(/^([1-9]\d?|1\d\d|2[0-4]\d|25[0-5])$/, CPUS_RULE)), v.number()],
  CPUS_RULE,
);

export const firmware = v.picklist(['bios', 'uefi'], 'must be bios or uefi');

const machine = fields('', 'must be a mapping with disks', {
  disks: v.pipe(disks, v.description('Disks: the system disk first.')),
  params: v.optional(v.pipe(params, v.description('Values of parameters, for the layers of its disks.'))),
  memory: v.optional(v.pipe(memory, v.description('Memory, like 2G. Default: 1G.'))),
  cpus: v.optional(v.pipe(cpus, v.description('Number of processors. Default: 1.'))),
  firmware: v.optional(v.pipe(firmware, v.description('Firmware: bios, the default, or uefi.'))),
  'secure-boot': v.optional(
    v.pipe(
      v.union([v.boolean(), v.picklist(['true', 'false'])], 'must be true or false'),
      v.description('Secure Boot, with firmware uefi. Default: false.'),
    ),
  ),
  networks: v.optional(
    v.pipe(
      v.array(network, NETWORKS_RULE),
      v.description('Network cards. Default: one on the default network. An empty list for none.'),
    ),
  ),
  os: v.optional(
    v.pipe(
      text(),
      v.regex(/^[a-z0-9.-]{1,64}$/, 'must be a short id of osinfo, like debian12'),
      v.description('Operating system, as a short id of osinfo, like debian12.'),
    ),
  ),
  template: v.optional(template),
  exports: v.optional(
    v.pipe(
      v.array(order, EXPORTS_RULE),
      v.description('Formats that vlb export writes, with options where a format has some.'),
    ),
  ),
});

export const machines = noList(
  v.record(
    fileName,
    v.pipe(
      machine,
      v.forward(
        v.check(
          ({ firmware, 'secure-boot': secure }) => String(secure) !== 'true' || firmware === 'uefi',
          'requires firmware: uefi',
        ),
        ['secure-boot'],
      ),
    ),
    'must be a mapping of machines',
  ),
);
