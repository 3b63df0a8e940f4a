// The table's commands that build: build, watch, export and publish.

import { BACKEND, FLATTEN, JOBS, KEEP_GOING, LAYERS, NBD, PARAM, PROGRESS, SECRET } from './shared.ts';
import type { Command } from './types.ts';

export const BUILD = {
  text: 'build the image, or layers and what they depend on',
  arguments: LAYERS,
  options: {
    last: { value: 'LAYER', text: 'build up to LAYER; it becomes the image' },
    jobs: JOBS,
    'dry-run': { alias: 'n', text: 'print the plan and build nothing' },
    force: {
      value: 'LAYER',
      optional: true,
      text: 'run all layers, or only LAYER, even if the store has the result',
    },
    'no-cache': { text: 'same as --force without LAYER' },
    param: PARAM,
    secret: SECRET,
    'keep-going': KEEP_GOING,
    flatten: FLATTEN,
    'on-error': {
      value: 'WORD',
      choices: ['keep', 'shell'],
      default: 'keep',
      text: 'when a layer fails, keep its disk for vlb shell --failed, or open a shell on it',
    },
    progress: PROGRESS,
    backend: BACKEND,
    nbd: NBD,
    on: {
      value: 'ENGINE',
      choices: ['slurm'],
      text: 'run layers as jobs of ENGINE',
    },
  },
  examples: [
    ['vlb build', 'build what changed'],
    ['vlb build --last 20_app --flatten', 'write the layers up to 20_app as one file'],
  ],
} as const satisfies Command;

export const WATCH = {
  text: 'build, and build again after every change',
  arguments: LAYERS,
  options: {
    check: { text: 'after each successful build, boot the image as vlb test-boot --check does' },
    exec: { value: 'LINE', text: 'after each successful build, run LINE in a shell; a change stops it' },
    jobs: JOBS,
    param: PARAM,
    secret: SECRET,
    'keep-going': KEEP_GOING,
    flatten: FLATTEN,
    progress: PROGRESS,
    backend: BACKEND,
    nbd: NBD,
  },
  examples: [
    ['vlb watch', 'build after every change'],
    ['vlb watch web --check', 'build only up to web, and check that it boots'],
    ["vlb watch --exec 'make deploy'", 'run a command after each successful build'],
  ],
} as const satisfies Command;

export const EXPORT = {
  text: 'build machines and write them for other programs',
  arguments: {
    machine: {
      value: 'MACHINE',
      rest: true,
      text: 'MACHINE of vlb.yaml, or an image or layer (default: all machines, or else the main image)',
    },
  },
  options: {
    format: {
      value: 'FORMAT',
      list: true,
      text: 'write FORMAT, see vlb help formats (default: those that vlb.yaml lists; repeatable)',
    },
    output: { value: 'DIR', text: 'write to DIR/MACHINE/FORMAT (default: build/export)' },
    'no-build': { text: 'fail if a layer has to be built' },
    jobs: JOBS,
    'dry-run': { alias: 'n', text: 'print what would be built and exported' },
    force: { text: 'export again what is fresh' },
    param: PARAM,
    secret: SECRET,
    'keep-going': KEEP_GOING,
    progress: PROGRESS,
    backend: BACKEND,
    nbd: NBD,
  },
  examples: [
    ['vlb export', 'all machines of vlb.yaml, in the formats listed there'],
    ['vlb export 20_app --format vmdk', 'a layer for VMware'],
    ['vlb export web --format raw.xz --output dist', 'write dist/web/raw.xz/'],
  ],
} as const satisfies Command;

export const PUBLISH = {
  text: 'build and publish a template or container image',
  arguments: {
    machine: { value: 'MACHINE', required: true, text: 'MACHINE of vlb.yaml, or an image or layer' },
  },
  options: {
    to: {
      value: 'PLACE',
      text: 'PLACE is the directory of a repository, or an image in a registry (registry.example.org/web:1.0 or docker://…)',
    },
    format: {
      value: 'WORD',
      choices: ['raw.xz', 'raw'],
      text: 'in a repository, the disk as WORD (default: raw.xz)',
    },
    sign: { value: 'KEY', text: 'sign the index of a repository with KEY of gpg' },
    keep: {
      value: 'N',
      number: true,
      text: 'keep only the newest N revisions in a repository (default: all)',
    },
    'no-build': { text: 'fail if a layer has to be built' },
    jobs: JOBS,
    param: PARAM,
    secret: SECRET,
    progress: PROGRESS,
    backend: BACKEND,
    nbd: NBD,
  },
  examples: [
    ['vlb publish web --to /srv/templates --sign builds@example.org', 'a template for virt-builder'],
    ['vlb publish web --to registry.example.org/web:1.0', 'a container image, only the layers that changed'],
  ],
} as const satisfies Command;
