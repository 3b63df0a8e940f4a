// The schema of `system:` and `disks:` of a layer.yaml: for errors with a place, and for editors. Sizes stay texts here.

import * as v from 'valibot';
import { DISK_NAME } from '../model/artifact.ts';
import { FIRMWARES, FORMATS, TABLES } from '../model/system/layout.ts';
import { imagePath, layerPath, line, mapping, oneOf, oneOrMany, pattern } from '../steps/fields.ts';
import { parseSize } from '../util/units.ts';

const BOOLEAN = v.boolean('must be true or false');

/** Of a mirror: without anything that a shell could take apart, and without a password, which would end in the image. */
const URL = pattern(
  'must be an http or https URL, without a user and blanks',
  /^https?:\/\/[A-Za-z0-9][A-Za-z0-9.:-]*(?:\/[A-Za-z0-9._~%+-]*)*$/,
);

const WORD = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;

/** Which names there are depends on the distribution. */
const PACKAGE = pattern('must be the name of a package', /^[A-Za-z0-9@*][^\s'"\\]*(?: [^\s'"\\]+)*$/);

/** Patterns of names, as dnf has them. */
const PATTERNS = v.array(
  pattern('must be a pattern of packages', /^[A-Za-z0-9*?[][^\s'",]*$/),
  'must be a list',
);

/** With the variables of dnf. */
const REPOSITORY_URL = pattern(
  'must be an http or https URL, without a user and blanks',
  /^https?:\/\/[A-Za-z0-9][^\s@'"]*$/,
);

const REPOSITORY = mapping({
  name: pattern('must be a name of letters, digits, dots and dashes', WORD),
  url: v.optional(
    pattern(
      'must be an http or https URL, or a directory of the layer like ./packages',
      /^(?:https?:\/\/[A-Za-z0-9][^\s@'"]*|\.\/[A-Za-z0-9][A-Za-z0-9._+/-]*)$/,
    ),
  ),
  metalink: v.optional(REPOSITORY_URL),
  mirrorlist: v.optional(REPOSITORY_URL),
  suites: v.optional(oneOrMany('must be a suite', pattern('must be a suite', /^[A-Za-z0-9._/-]+$/))),
  components: v.optional(
    oneOrMany('must be a component', pattern('must be a component', /^[A-Za-z0-9._/-]+$/)),
  ),
  key: layerPath(),
  cost: v.optional(pattern('must be a number', /^\d{1,6}$/)),
  exclude: v.optional(PATTERNS),
  keep: v.optional(BOOLEAN),
});

export const SYSTEM_SCHEMA = mapping({
  distribution: pattern('must be the name of a distribution', WORD),
  suite: pattern('must be the name or the number of a release', WORD),
  packages: v.optional(v.array(PACKAGE, 'must be a list of packages')),
  variant: v.optional(
    v.picklist(['minbase', 'important', 'standard'], 'valid values: minbase, important, standard'),
  ),
  recommends: v.optional(BOOLEAN),
  components: v.optional(oneOrMany('must be the name of a component', pattern('must be a component', WORD))),
  mirror: v.optional(URL),
  'security-mirror': v.optional(URL),
  keyring: v.optional(layerPath()),
  kernel: v.optional(PACKAGE),
  'exclude-docs': v.optional(BOOLEAN),
  files: v.optional(layerPath()),
  snapshot: v.optional(pattern('must be a time like 20261101T000000Z', /^\d{8}T\d{6}Z$/)),
  lock: v.optional(layerPath()),
  repositories: v.optional(v.array(REPOSITORY, 'must be a list of repositories')),
  exclude: v.optional(PATTERNS),
  modules: v.optional(
    v.array(pattern('must be NAME:STREAM', /^[A-Za-z0-9][\w.+-]*:[\w.+/-]+$/), 'must be a list'),
  ),
  languages: v.optional(v.array(pattern('must be a language', /^[A-Za-z][\w.@-]*$/), 'must be a list')),
  'ignore-missing': v.optional(BOOLEAN),
});

const SIZE_RULE = 'must be a size with a unit, like 512M or 20G';
const SIZE = v.pipe(
  pattern(SIZE_RULE, /[KMGTkmgt]/),
  v.check((given) => parseSize(given) !== undefined, SIZE_RULE),
);

const REST_RULE = 'must be a size with a unit, like 512M or 20G, or "rest"';
const SIZE_OR_REST = v.pipe(
  v.string(REST_RULE),
  v.check(
    (given) => given === 'rest' || (/[KMGTkmgt]/.test(given) && parseSize(given) !== undefined),
    REST_RULE,
  ),
);

const OPTIONS = oneOrMany(
  'must be an option of mount(8)',
  pattern('must be an option, without blanks and commas', /^[^\s,\0]+$/),
);
const MOUNT = v.pipe(
  imagePath(),
  v.regex(/^\/(?:[^/]+(?:\/[^/]+)*)?$/, 'must be a path without a slash at its end'),
  v.check((given) => !given.split('/').includes('.') && !/[\n\r]/.test(given), 'must be a plain path'),
);

const SUBVOLUME = mapping({
  name: pattern(
    'must be the name of a subvolume, without commas and blanks',
    /^[A-Za-z0-9@_][A-Za-z0-9@._/-]*$/,
  ),
  mount: v.optional(MOUNT),
  options: v.optional(OPTIONS),
});

/** Names of LVM, without those that it keeps for itself: lvm(8), "Valid names". */
const VOLUME_NAME = '[A-Za-z0-9_][A-Za-z0-9_.+-]{0,50}';
const KEPT_BY_LVM =
  /\/(?:snapshot|pvmove)|_(?:cdata|cmeta|corig|cvol|iorig|mlog|mimage|pmspare|rimage|rmeta|tdata|tmeta|vdata|vorigin)/;

const PARTITION = mapping({
  mount: v.optional(MOUNT),
  volume: v.optional(
    v.pipe(
      pattern(
        'must be the names of a volume group and a volume, like vg0/var',
        new RegExp(`^${VOLUME_NAME}/${VOLUME_NAME}$`),
      ),
      v.check((given) => !KEPT_BY_LVM.test(given), 'must be another name: LVM has this one for itself'),
    ),
  ),
  'volume-group': v.optional(pattern('must be the name of a volume group', new RegExp(`^${VOLUME_NAME}$`))),
  passphrase: v.optional(
    pattern('must be the name of a secret, of letters, digits, dots and dashes', /^[A-Za-z_][\w.-]*$/),
  ),
  size: SIZE_OR_REST,
  minimum: v.optional(SIZE),
  maximum: v.optional(SIZE),
  filesystem: v.optional(v.picklist(FORMATS, `valid values: ${FORMATS.join(', ')}`)),
  label: v.optional(line('must be a text of one line')),
  uuid: v.optional(pattern('must be a UUID', /^[0-9A-Fa-f-]+$/)),
  options: v.optional(OPTIONS),
  subvolumes: v.optional(v.pipe(v.array(SUBVOLUME, 'must be a list'), v.minLength(1, 'must not be empty'))),
});

const FIRMWARE = v.picklist(FIRMWARES, `valid values: ${FIRMWARES.join(', ')}`);

const MAIN = mapping({
  size: SIZE,
  table: v.optional(v.picklist(TABLES, `valid values: ${TABLES.join(', ')}`)),
  boot: v.optional(oneOf(`must be ${FIRMWARES.join(' or ')}, or a list`, [FIRMWARE, v.array(FIRMWARE)])),
  partitions: v.optional(v.pipe(v.array(PARTITION, 'must be a list'), v.minLength(1, 'must not be empty'))),
});

const FURTHER = mapping({
  size: SIZE,
  table: v.optional(v.picklist(TABLES, `valid values: ${TABLES.join(', ')}`)),
  partitions: v.optional(v.pipe(v.array(PARTITION, 'must be a list'), v.minLength(1, 'must not be empty'))),
});

const DISKS_RULE =
  'must be a mapping with main, and further disks by names of small letters, digits and dashes';

/** The main disk, which is `main`, and further ones. */
export const DISKS_SCHEMA = v.pipe(
  v.objectWithRest({ main: MAIN }, FURTHER, (issue) =>
    issue.path === undefined ? DISKS_RULE : 'is missing',
  ),
  v.check((disks) => Object.keys(disks).every((name) => DISK_NAME.test(name)), DISKS_RULE),
);

export type SystemFields = v.InferOutput<typeof SYSTEM_SCHEMA>;
export type DiskFields = v.InferOutput<typeof MAIN>;
export type DisksFields = v.InferOutput<typeof DISKS_SCHEMA>;
