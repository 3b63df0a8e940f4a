// The table's commands that show the plan, layers and disks: plan, why, graph, ci, ls, diff, sbom, templates, shell, log.

import { BACKEND, JSON_FLAG, LAYERS, NBD, ONE_LAYER, PARAM, SECRET } from './shared.ts';
import type { Command } from './types.ts';

const LOOK = { json: JSON_FLAG, param: PARAM } as const;

export const PLAN = {
  text: 'show what a build would do, and why',
  arguments: LAYERS,
  options: LOOK,
  examples: [
    ['vlb plan', 'what would run, and why'],
    ['vlb plan web -p VERSION=2', 'the same for one layer, with a parameter'],
  ],
} as const satisfies Command;

export const WHY = {
  text: 'explain why a layer has to run',
  arguments: ONE_LAYER,
  options: {
    ...LOOK,
    record: {
      value: 'KEY',
      text: 'compare with the record under KEY (or the first digits of it) instead of the last build',
    },
  },
  examples: [
    ['vlb why app', 'what changed since its last build'],
    ['vlb why app --record 3f9a', 'how it differs from that build; vlb ls prints keys'],
  ],
} as const satisfies Command;

export const GRAPH = {
  text: 'show which layer depends on which',
  arguments: LAYERS,
  options: {
    ...LOOK,
    format: {
      value: 'WORD',
      choices: ['text', 'dot', 'mermaid', 'json'],
      default: 'text',
      text: 'print the graph as WORD',
    },
  },
  examples: [
    ['vlb graph', 'a tree'],
    ['vlb graph --format dot | dot -Tsvg', 'a picture, drawn by Graphviz'],
  ],
} as const satisfies Command;

export const CI = {
  text: 'write the graph as a pipeline of jobs for a CI',
  arguments: LAYERS,
  options: {
    format: {
      value: 'WORD',
      choices: ['gitlab', 'github', 'slurm', 'kubernetes'],
      text: 'write a pipeline for WORD (required)',
    },
    output: { value: 'FILE', text: 'write to FILE instead of standard output' },
    check: { text: 'write nothing; fail if FILE is not what would be written' },
    planned: { text: 'only jobs for what a build would run now (default: all layers)' },
    param: PARAM,
  },
  exclusive: ['check', 'planned'],
  examples: [
    ['vlb ci --format gitlab --output .gitlab/vlb.yml', 'a job for each chain of layers'],
    ['vlb ci --format gitlab --output .gitlab/vlb.yml --check', 'fail if the graph has changed since'],
    ['vlb ci --format gitlab --planned', 'a child pipeline of what has to run'],
  ],
} as const satisfies Command;

export const LS = {
  text: 'list the layers with their states',
  arguments: LAYERS,
  options: LOOK,
  examples: [
    ['vlb ls', 'state, size, build time and key of each layer'],
    ['vlb ls --json | jq .', 'the same as JSON, with more fields'],
  ],
} as const satisfies Command;

export const DIFF = {
  text: 'compare the files of layers, artifacts or images',
  arguments: {
    a: {
      value: 'DISK',
      required: true,
      text: 'DISK is a layer, the first digits of an artifact, or an image file; alone, it is compared with its parent',
    },
    b: { value: 'DISK', text: 'the DISK to compare A with' },
  },
  options: {
    stat: { text: 'summarize files and bytes by top directory' },
    json: JSON_FLAG,
    text: { value: 'PATH', text: 'compare the text of the file PATH, as diff -u does' },
    shell: { text: 'open a shell with both disks mounted read-only, as a and b' },
  },
  exclusive: ['stat', 'json', 'text', 'shell'],
  examples: [
    ['vlb diff app', 'what 20_app changed'],
    ['vlb diff old.qcow2 build/image.qcow2 --stat', 'where two images differ'],
    ['vlb diff app --text /etc/passwd', 'which lines of a file differ'],
  ],
} as const satisfies Command;

export const SBOM = {
  text: 'list the packages, as a software bill of materials',
  arguments: {
    name: {
      value: 'NAME',
      required: true,
      text: 'NAME of a machine, an image or a layer that is built, or the path of an image file',
    },
  },
  options: {
    format: {
      value: 'WORD',
      choices: ['cyclonedx', 'spdx'],
      default: 'cyclonedx',
      text: 'write CycloneDX 1.6 or SPDX 2.3, both as JSON',
    },
    output: { value: 'FILE', text: 'write to FILE instead of standard output' },
  },
  examples: [
    ['vlb sbom 20_app --output app.cdx.json', 'the packages of a layer'],
    ['vlb sbom web --format spdx', 'those on all disks of a machine'],
  ],
} as const satisfies Command;

export const TEMPLATES = {
  text: 'list the templates that a base can be made from',
  arguments: {
    name: { value: 'NAME', text: 'NAME of a template, to show it with its notes' },
  },
  options: { json: JSON_FLAG },
  examples: [
    ['vlb templates', 'those of the sources in vlb.yaml'],
    ['vlb templates debian-12', 'one of them, with its notes'],
  ],
} as const satisfies Command;

export const SHELL = {
  text: 'open a shell in a layer or image; changes are lost',
  arguments: {
    layer: {
      value: 'LAYER',
      required: true,
      text: 'LAYER with its number (20_app) or without (app), or the path of an image file',
    },
  },
  behind: 'COMMAND',
  options: {
    parent: { text: 'use the disk before the script of the layer ran, to try the script by hand' },
    failed: { text: 'use the disk as the failed script left it' },
    write: { text: 'write the changes to the image file when the shell ends' },
    backend: BACKEND,
    nbd: NBD,
    param: PARAM,
    secret: SECRET,
  },
  exclusive: ['parent', 'failed', 'write'],
  examples: [
    ['vlb shell app', 'a shell in the finished layer'],
    ['vlb shell app -- cat /etc/os-release', 'a command in it'],
    ['vlb shell --parent app', 'to try ./build-layer by hand'],
    ['vlb shell --failed app', 'to inspect what the failed script left'],
    ['vlb shell --write disk.qcow2 -- passwd -d root', 'to change an image that vlb did not make'],
  ],
} as const satisfies Command;

export const LOG = {
  text: 'print the log of a layer',
  arguments: {
    layer: {
      value: 'LAYER',
      required: true,
      text: 'LAYER with its number (20_app) or without (app); app~1 is the run before the last',
    },
  },
  options: {
    follow: { alias: 'f', text: 'print new output until the run ends' },
    path: { text: 'print the path of the log file' },
  },
  examples: [
    ['vlb log app', 'the output of the last run of 20_app'],
    ['vlb log -f app', 'the output while it runs'],
    ['vlb log app~1', 'the output of the run before'],
  ],
} as const satisfies Command;
