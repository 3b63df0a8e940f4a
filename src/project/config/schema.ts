// The schema of vlb.yaml: its fields, their rules and descriptions. Errors, the JSON Schema and docs/configuration.md are made
// from it. Messages are predicates ("must be a string"); the reader puts the field's name in front of them.

import * as v from 'valibot';
import { parseDuration } from '../../util/units.ts';
import { fields, isUrl, noList, params, text } from './fields.ts';
import { INCLUDE_RULE } from './include.ts';
import { AGE_RULE, parseMaxAge, parseMaxSize, SIZE_RULE } from './limits.ts';
import { base } from './schema/base.ts';
import { cpus, fileName, firmware, machines, memory } from './schema/machine.ts';
import { sources } from './schema/sources.ts';

const KEYS_RULE = 'must be a list of public keys as printed by vlb store keygen';
const STYLE_RULE = 'must be true or false';

const LAYER_RULE = 'must be the name of a layer';
const IMAGE_RULE = 'must be the name of a layer, or a mapping with layer and params';

/** Images share build/ with the links of the layers and of their backing files. */
const imageName = v.pipe(
  fileName,
  v.check((name) => name !== 'image', 'is the name of the default image: choose another'),
  v.check((name) => !/^\d{2,}_/.test(name), 'looks like a layer, which has a link in build/: choose another'),
  v.check((name) => !/^(uncached-)?[0-9a-f]{64}$/.test(name), 'looks like a digest: choose another'),
  v.check(
    (name) => !name.endsWith('.qcow2'),
    (issue) => {
      return `must not include the extension: use ${String(issue.input).slice(0, -'.qcow2'.length)}`;
    },
  ),
);

const CHECKS_RULE = 'must be a list of commands, like [systemctl is-active nginx]';
const TIMEOUT_RULE = 'must be a time like 90s or 5m';
const command = v.pipe(text(CHECKS_RULE), v.nonEmpty(CHECKS_RULE));

/** A test boot: a command, or a mapping with the options that `vlb test-boot` has for it. */
const check = v.union(
  [
    command,
    fields('', CHECKS_RULE, {
      run: v.pipe(command, v.description('Shell command, run as root in the guest.')),
      memory: v.optional(v.pipe(memory, v.description('Memory, like 2G. Default: 1G.'))),
      cpus: v.optional(v.pipe(cpus, v.description('Number of processors. Default: 2.'))),
      firmware: v.optional(
        v.pipe(
          firmware,
          v.description('Firmware: uefi to boot with it in any case. Default: as the image needs.'),
        ),
      ),
      timeout: v.optional(
        v.pipe(
          text(TIMEOUT_RULE),
          v.check((time) => parseDuration(time) !== undefined, TIMEOUT_RULE),
          v.description('Time for the boot and the command, like 5m. Default: as of vlb test-boot.'),
        ),
      ),
    }),
  ],
  CHECKS_RULE,
);

const imageLayer = v.pipe(text(LAYER_RULE), v.nonEmpty(LAYER_RULE));

const images = noList(
  v.record(
    imageName,
    v.union(
      [
        imageLayer,
        fields('', IMAGE_RULE, {
          layer: v.pipe(imageLayer, v.description('Layer that the image is made from.')),
          params: v.optional(v.pipe(params, v.description('Values of parameters, for this image alone.'))),
          checks: v.optional(
            v.pipe(
              v.array(check, CHECKS_RULE),
              v.description('Commands that have to succeed in the booted image: docs/test-boot.md.'),
            ),
          ),
        }),
      ],
      IMAGE_RULE,
    ),
    'must be a mapping like "web: 30_web"',
  ),
);

/** YAML reads `0` as a number, so a schema for editors has to allow one; the reader passes numbers as text. */
function limit(rule: string, isValid: (text: string) => boolean, description: string) {
  return v.pipe(
    v.union([v.pipe(v.string(), v.check(isValid, rule)), v.literal(0)], rule),
    v.description(description),
  );
}

const bucket = fields('cache.s3.', 'must be a mapping with a bucket', {
  // Amazon's rules, and the underscores and capitals that older servers allow.
  bucket: v.pipe(
    text('must be the name of a bucket'),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/, 'must be the name of a bucket'),
    v.description('Name of the bucket.'),
  ),
  prefix: v.optional(
    v.pipe(
      text(),
      v.check(isPrefix, 'must be names separated by slashes, like team/images, of letters, digits and ._-'),
      v.description('Prefix of all object names, like team/images.'),
    ),
  ),
  endpoint: v.optional(
    v.pipe(
      text(),
      v.check(isEndpoint, 'must be the URL of a server, like https://s3.example.org'),
      v.description('URL of an S3-compatible server, like https://s3.example.org; Amazon by default.'),
    ),
  ),
  region: v.optional(
    v.pipe(
      text('must be the name of a region, like eu-central-1'),
      v.regex(/^[A-Za-z0-9-]+$/, 'must be the name of a region, like eu-central-1'),
      v.description('Region of the bucket, like eu-central-1.'),
    ),
  ),
  'path-style': v.optional(
    v.pipe(
      v.union([v.boolean(), v.picklist(['true', 'false'])], STYLE_RULE),
      v.description(
        'Put the bucket into the path of URLs instead of the host name. Default: true with an endpoint.',
      ),
    ),
  ),
});

const publicKey = v.pipe(text(KEYS_RULE), v.regex(/^[A-Za-z0-9+/]{43}=$/, KEYS_RULE)); // 32 bytes in base64

const cache = v.pipe(
  fields('cache.', 'must be a mapping with max-size, max-age, s3 or trusted-keys', {
    'max-size': v.optional(
      limit(
        SIZE_RULE,
        (text) => parseMaxSize(text) !== undefined,
        'Maximum size of the local store, like 20G; none for no limit, 0 to keep only what is in use.',
      ),
    ),
    'max-age': v.optional(
      limit(
        AGE_RULE,
        (text) => parseMaxAge(text) !== undefined,
        'Maximum age of unused results in the local store, like 30d; none or 0 as above.',
      ),
    ),
    s3: v.optional(v.pipe(bucket, v.description('The shared cache: a bucket on an S3-compatible server.'))),
    'trusted-keys': v.optional(
      v.pipe(
        v.array(publicKey, KEYS_RULE),
        v.nonEmpty('is empty: add a key or remove the field'), // an empty list must not mean that all records are trusted
        v.description(
          'Public keys, as printed by vlb store keygen: only records signed with one of them are used.',
        ),
      ),
    ),
  }),
  v.forward(
    v.check((cache) => cache['trusted-keys'] === undefined || cache.s3 !== undefined, 'requires cache.s3'),
    ['trusted-keys'],
  ),
);

const vm = fields('vm.', 'must be a mapping with memory or cpus', {
  memory: v.optional(v.pipe(memory, v.description('Memory, like 4G. Default: 2G.'))),
  cpus: v.optional(v.pipe(cpus, v.description('Number of processors. Default: 2.'))),
});

export const CONFIG_SCHEMA = v.pipe(
  fields('', 'must be a mapping, like "base: …"', {
    base: v.optional(
      v.pipe(base, v.description('The image below the first layer: a path, or a mapping with these fields.')),
    ),
    images: v.optional(
      v.pipe(
        images,
        v.description('More images to build: the name of each, and the layer that it is made from.'),
      ),
    ),
    machines: v.optional(
      v.pipe(machines, v.description('Machines to export: the name of each, with these fields.')),
    ),
    sources: v.optional(
      v.pipe(sources, v.description('Repositories of templates for bases: the name of each, and its index.')),
    ),
    cache: v.optional(v.pipe(cache, v.description('Limits of the local store, and the shared cache.'))),
    backend: v.optional(
      v.pipe(
        v.picklist(['fuse', 'vm'], 'must be fuse or vm'),
        v.description(
          'What runs layers, like --backend: fuse, as root on this machine, or vm, in a virtual machine.',
        ),
      ),
    ),
    vm: v.optional(v.pipe(vm, v.description('The virtual machine of the backend vm, with these fields.'))),
    include: v.optional(
      v.pipe(
        v.array(text(INCLUDE_RULE), INCLUDE_RULE),
        v.description('Files with more of these fields, relative to this one and in the project.'),
      ),
    ),
  }),
  v.title('vlb.yaml'),
  v.description('Configuration of a vlb project.'),
);

/** vlb.yaml as a value, after validation. */
export type ConfigFile = v.InferOutput<typeof CONFIG_SCHEMA>;

function isPrefix(text: string): boolean {
  return text.split('/').every((part) => /^[A-Za-z0-9._-]{1,100}$/.test(part) && !/^\.+$/.test(part));
}

function isEndpoint(text: string): boolean {
  if (!isUrl(text) || !URL.canParse(text)) return false;
  const { username, password, search, hash } = new URL(text);
  return [username, password, search, hash].every((part) => part === '');
}
