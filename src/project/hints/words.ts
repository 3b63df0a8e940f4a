// The words of hints: how each is written, what it means, and how it is read. Help and errors come from this table.

import type {
  BindMount,
  LayerMount,
  LayerName,
  Param,
  PartitionMount,
  ScriptKind,
  SecretName,
} from '../../model/project.ts';
import { parseDuration, parseSize } from '../../util/units.ts';
import { takeTarget } from '../layers/targets.ts';

/** While a script is read; it becomes Hints. */
export interface HintDraft {
  nocache: boolean;
  noshare: boolean;
  from?: 'scratch' | LayerName;
  bindMounts: BindMount[];
  partitionMounts: PartitionMount[];
  layerMounts: LayerMount[];
  params: Param[];
  secrets: SecretName[];
  cacheDirs: string[];
  targetLines: Map<string, number>;
  noNetwork: boolean;
  diskSize?: number;
  rootPartition?: number;
  timeout?: number;
  maxAge?: number;
}

export interface HintWord {
  /** As it is written behind `# vlb:`. */
  readonly form: string;
  /** What it means, for people. */
  readonly text: string;
  /** Takes a hint's arguments into the draft; returns what is wrong with them, if anything is. */
  take(
    draft: HintDraft,
    args: readonly string[],
    about: { readonly kind: ScriptKind; readonly line: number },
  ): string | undefined;
}

/** Also a file's name, so it has no slash and is not `..`. */
export const SECRET_NAME = /^[A-Za-z_][\w.-]*$/;

/** The hints that stand alone behind `# `. A malformed one of the mounts is an error; prose is none. */
export const PLAIN_WORDS: Readonly<Record<string, HintWord>> = {
  nocache: {
    form: 'nocache',
    text: 'The result never enters the store: the script runs whenever the result is not in place.',
    take(draft) {
      draft.nocache = true;
      return undefined;
    },
  },
  noshare: {
    form: 'noshare',
    text: 'The result stays in the local store and never goes into a shared one.',
    take(draft) {
      draft.noshare = true;
      return undefined;
    },
  },
  'chroot-bind-mount': {
    form: 'chroot-bind-mount SRC TARGET',
    text: 'SRC, relative to the layer, appears at TARGET while the script runs; it counts as an input.',
    take(draft, args, { line }) {
      const [source, target] = args;
      if (args.length !== 2 || source === undefined || !isImagePath(target))
        return 'wants SRC and an absolute TARGET';
      draft.bindMounts.push({ source, target });
      return takeTarget(draft, target, line);
    },
  },
  'chroot-mount': {
    form: 'chroot-mount pN TARGET',
    text: 'Partition N is mounted at TARGET as well.',
    take(draft, args, { line }) {
      const [partition = '', target] = args;
      const number = /^p([1-9]\d{0,2})$/.exec(partition)?.[1];
      if (args.length !== 2 || number === undefined || !isImagePath(target)) {
        return 'wants a partition like p2 and an absolute TARGET';
      }
      draft.partitionMounts.push({ partition: Number(number), target });
      return takeTarget(draft, target, line);
    },
  },
};

/** All hints; `vlb help hints` and the man page show them in this order. */
export const VLB_WORDS: Readonly<Record<string, HintWord>> = {
  ...PLAIN_WORDS,
  from: {
    form: 'from LAYER|scratch',
    text: 'The layer stands on LAYER, or on an empty disk (modify-disk only), instead of the layer before it. `from base` is the base of vlb.yaml, unless a layer has that name.',
    take(draft, args, { kind, line }) {
      const [layer] = args;
      if (args.length !== 1 || layer === undefined) return 'wants a layer, or the word scratch';
      if (layer === 'scratch' && kind !== 'modify-disk') {
        return 'scratch is for modify-disk: a build-layer needs a disk to start from';
      }
      draft.from = layer === 'scratch' ? layer : { layer, line };
      return undefined;
    },
  },
  mount: {
    form: 'mount LAYER TARGET',
    text: "Another layer's finished file system, read-only at TARGET while the script runs (build-layer only).",
    take(draft, args, { kind, line }) {
      const [layer, target] = args;
      if (args.length !== 2 || layer === undefined || !isImagePath(target)) {
        return 'wants a layer and an absolute TARGET';
      }
      if (kind !== 'build-layer')
        return 'is for build-layer: a modify-disk has no file system to mount it in';
      draft.layerMounts.push({ layer, target, line });
      return takeTarget(draft, target, line);
    },
  },
  'cache-dir': {
    form: 'cache-dir TARGET',
    text: 'A directory that is kept between builds; it is no part of the image or the key (build-layer only).',
    take(draft, args, { kind, line }) {
      const [target] = args;
      if (args.length !== 1 || !isImagePath(target)) return 'wants an absolute TARGET';
      if (kind !== 'build-layer')
        return 'is for build-layer: a modify-disk has no file system to mount it in';
      draft.cacheDirs.push(target);
      return takeTarget(draft, target, line);
    },
  },
  secret: {
    form: 'secret NAME',
    text: 'A file that only the script can read, while it runs; given with --secret.',
    take(draft, args, { line }) {
      const [name = ''] = args;
      if (args.length !== 1 || !SECRET_NAME.test(name)) {
        return 'wants a name of letters, digits, dots, dashes and underscores';
      }
      if (draft.secrets.some((secret) => secret.name === name)) return `names ${name} twice`;
      draft.secrets.push({ name, line });
      return undefined;
    },
  },
  param: {
    form: 'param NAME[=DEFAULT]',
    text: "A variable of the script's environment, given with -p NAME=VALUE; another value makes another build.",
    take(draft, args, { line }) {
      const [, name, text] = /^([A-Za-z_]\w*)(?:=(.*))?$/s.exec(args.join(' ')) ?? [];
      if (name === undefined) return 'wants NAME or NAME=DEFAULT';
      if (isOwnVariable(name)) return `cannot be called ${name}: vlb sets that itself`;
      if (draft.params.some((param) => param.name === name)) return `names ${name} twice`;
      draft.params.push({ name, default: text, line });
      return undefined;
    },
  },
  network: {
    form: 'network none',
    text: 'No network while the script runs.',
    take(draft, args) {
      if (args.length !== 1 || args[0] !== 'none') return 'wants the word none';
      draft.noNetwork = true;
      return undefined;
    },
  },
  'disk-size': {
    form: 'disk-size SIZE',
    text: 'vlb makes and attaches the disk, as large as this, as 20G (modify-disk only).',
    take(draft, args, { kind }) {
      const size = args.length === 1 ? parseSize(args[0] ?? '') : undefined;
      if (size === undefined) return 'wants a size like 20G';
      if (kind !== 'modify-disk') return 'is for modify-disk: a build-layer cannot change its disk';
      draft.diskSize = size;
      return undefined;
    },
  },
  'root-partition': {
    form: 'root-partition N',
    text: 'Which partition holds the system; otherwise the one with an /etc/os-release is found.',
    take(draft, args) {
      if (args.length !== 1 || !/^[1-9]\d{0,2}$/.test(args[0] ?? ''))
        return 'wants a partition number like 2';
      draft.rootPartition = Number(args[0]);
      return undefined;
    },
  },
  timeout: {
    form: 'timeout TIME',
    text: 'The script is stopped after this time, as 90s, 30m or 2h.',
    take(draft, args) {
      const seconds = args.length === 1 ? parseDuration(args[0] ?? '') : undefined;
      if (seconds === undefined) return 'wants a duration like 90s, 30m or 2h';
      draft.timeout = seconds;
      return undefined;
    },
  },
  'max-age': {
    form: 'max-age TIME',
    text: 'The layer runs again when its result is older than this, as 12h or 7d.',
    take(draft, args) {
      const seconds = args.length === 1 ? parseDuration(args[0] ?? '') : undefined;
      if (seconds === undefined) return 'wants a duration like 12h or 7d';
      draft.maxAge = seconds;
      return undefined;
    },
  },
};

/** The variables that every script gets anyway, see src/execute/run/environment.ts. */
function isOwnVariable(name: string): boolean {
  return /^(?:PATH|HOME|LANG|TERM|TMPDIR|SOURCE_DATE_EPOCH|VLB.*|.*_proxy|.*_PROXY)$/.test(name);
}

function isImagePath(target: string | undefined): target is string {
  return target !== undefined && /^\/[/.]*[^/.]/.test(target) && !target.split('/').includes('..');
}
