// Reads the hints in a script's comments: the older plain ones and `# vlb: WORD ARGS`.

import { fail, ok, type Result } from '../model/failure.ts';
import type {
  BindMount,
  Hints,
  LayerMount,
  LayerName,
  Param,
  PartitionMount,
  ScriptKind,
  SecretName,
} from '../model/layer.ts';
import { nearest } from './nearest.ts';
import { hiddenTarget, takeTarget } from './targets.ts';
import { parseDuration, parseSize } from './units.ts';

/** While a script is read; it becomes Hints. */
interface Draft {
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

/** Takes a hint's arguments into the draft; returns what is wrong with them, if anything is. */
type Word = (
  draft: Draft,
  args: readonly string[],
  about: { readonly kind: ScriptKind; readonly line: number },
) => string | undefined;

/** Also a file's name, so it has no slash and is not `..`. */
export const SECRET_NAME = /^[A-Za-z_][\w.-]*$/;

/** The hints that stand alone behind `# `. A malformed one of the mounts is an error; prose is none. */
const PLAIN_WORDS: Readonly<Record<string, Word>> = {
  nocache: (draft) => {
    draft.nocache = true;
    return undefined;
  },
  noshare: (draft) => {
    draft.noshare = true;
    return undefined;
  },
  'chroot-bind-mount': (draft, args, { line }) => {
    const [source, target] = args;
    if (args.length !== 2 || source === undefined || !isImagePath(target))
      return 'wants SRC and an absolute TARGET';
    draft.bindMounts.push({ source, target });
    return takeTarget(draft, target, line);
  },
  'chroot-mount': (draft, args, { line }) => {
    const [partition = '', target] = args;
    const number = /^p([1-9]\d{0,2})$/.exec(partition)?.[1];
    if (args.length !== 2 || number === undefined || !isImagePath(target)) {
      return 'wants a partition like p2 and an absolute TARGET';
    }
    draft.partitionMounts.push({ partition: Number(number), target });
    return takeTarget(draft, target, line);
  },
};

const VLB_WORDS: Readonly<Record<string, Word>> = {
  ...PLAIN_WORDS,
  from: (draft, args, { kind, line }) => {
    const [layer] = args;
    if (args.length !== 1 || layer === undefined) return 'wants a layer, or the word scratch';
    if (layer === 'scratch' && kind !== 'modify-disk') {
      return 'scratch is for modify-disk: a build-layer needs a disk to start from';
    }
    draft.from = layer === 'scratch' ? layer : { layer, line };
    return undefined;
  },
  mount: (draft, args, { kind, line }) => {
    const [layer, target] = args;
    if (args.length !== 2 || layer === undefined || !isImagePath(target)) {
      return 'wants a layer and an absolute TARGET';
    }
    if (kind !== 'build-layer') return 'is for build-layer: a modify-disk has no file system to mount it in';
    draft.layerMounts.push({ layer, target, line });
    return takeTarget(draft, target, line);
  },
  'cache-dir': (draft, args, { kind, line }) => {
    const [target] = args;
    if (args.length !== 1 || !isImagePath(target)) return 'wants an absolute TARGET';
    if (kind !== 'build-layer') return 'is for build-layer: a modify-disk has no file system to mount it in';
    draft.cacheDirs.push(target);
    return takeTarget(draft, target, line);
  },
  secret: (draft, args, { line }) => {
    const [name = ''] = args;
    if (args.length !== 1 || !SECRET_NAME.test(name)) {
      return 'wants a name of letters, digits, dots, dashes and underscores';
    }
    if (draft.secrets.some((secret) => secret.name === name)) return `names ${name} twice`;
    draft.secrets.push({ name, line });
    return undefined;
  },
  param: (draft, args, { line }) => {
    const [, name, text] = /^([A-Za-z_]\w*)(?:=(.*))?$/s.exec(args.join(' ')) ?? [];
    if (name === undefined) return 'wants NAME or NAME=DEFAULT';
    if (isOwnVariable(name)) return `cannot be called ${name}: vlb sets that itself`;
    if (draft.params.some((param) => param.name === name)) return `names ${name} twice`;
    draft.params.push({ name, default: text, line });
    return undefined;
  },
  network: (draft, args) => {
    if (args.length !== 1 || args[0] !== 'none') return 'wants the word none';
    draft.noNetwork = true;
    return undefined;
  },
  'disk-size': (draft, args, { kind }) => {
    const size = args.length === 1 ? parseSize(args[0] ?? '') : undefined;
    if (size === undefined) return 'wants a size like 20G';
    if (kind !== 'modify-disk') return 'is for modify-disk: a build-layer cannot change its disk';
    draft.diskSize = size;
    return undefined;
  },
  'root-partition': (draft, args) => {
    if (args.length !== 1 || !/^[1-9]\d{0,2}$/.test(args[0] ?? '')) return 'wants a partition number like 2';
    draft.rootPartition = Number(args[0]);
    return undefined;
  },
  timeout: (draft, args) => {
    const seconds = args.length === 1 ? parseDuration(args[0] ?? '') : undefined;
    if (seconds === undefined) return 'wants a duration like 90s, 30m or 2h';
    draft.timeout = seconds;
    return undefined;
  },
  'max-age': (draft, args) => {
    const seconds = args.length === 1 ? parseDuration(args[0] ?? '') : undefined;
    if (seconds === undefined) return 'wants a duration like 12h or 7d';
    draft.maxAge = seconds;
    return undefined;
  },
};

/**
 * The hints of a script.
 * Fails as `usage` with file, line and the nearest valid word when a `# vlb:` line is unknown or malformed.
 */
export function parseHints(text: string, file: string, kind: ScriptKind): Result<Hints> {
  const draft: Draft = {
    nocache: false,
    noshare: false,
    bindMounts: [],
    partitionMounts: [],
    layerMounts: [],
    params: [],
    secrets: [],
    cacheDirs: [],
    targetLines: new Map(),
    noNetwork: false,
  };
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const hint = hintOf(line);
    if (hint === undefined) continue;
    const where = { file, line: index + 1 };
    const word = Object.hasOwn(hint.words, hint.word) ? hint.words[hint.word] : undefined;
    if (word === undefined) {
      const guess = nearest(hint.word, Object.keys(VLB_WORDS));
      return fail('usage', `"${hint.word}" is no hint that vlb knows`, {
        where,
        hint:
          guess === undefined
            ? `the hints are ${Object.keys(VLB_WORDS).join(', ')}`
            : `did you mean "${guess}"?`,
      });
    }
    const wrong = word(draft, hint.args, { kind, line: where.line });
    if (wrong !== undefined) return fail('usage', `the hint ${hint.word} ${wrong}`, { where });
  }
  const hidden = hiddenTarget(draft);
  if (hidden === undefined) return ok(draft);
  return fail('usage', hidden.message, { where: { file, line: hidden.line } });
}

interface HintLine {
  readonly word: string;
  readonly args: readonly string[];
  readonly words: Readonly<Record<string, Word>>;
}

function hintOf(line: string): HintLine | undefined {
  const vlb = /^\s*#\s*vlb:\s*(.*)$/.exec(line);
  if (vlb) {
    const [word = '', ...args] = (vlb[1] ?? '').trim().split(/\s+/);
    return { word, args, words: VLB_WORDS };
  }
  const plain = /^\s*#\s*(nocache|noshare|chroot-bind-mount|chroot-mount)(\s.*)?$/.exec(line);
  if (!plain?.[1]) return undefined;
  const args = (plain[2] ?? '').trim().split(/\s+/).filter(Boolean);
  // "# nocache because …" is the hint with a remark; "# chroot-mount is …" would be a malformed mount.
  return { word: plain[1], args, words: PLAIN_WORDS };
}

/** The variables that every script gets anyway, see src/execute/environment.ts. */
function isOwnVariable(name: string): boolean {
  return /^(?:PATH|HOME|LANG|TERM|TMPDIR|SOURCE_DATE_EPOCH|VLB.*|.*_proxy|.*_PROXY)$/.test(name);
}

function isImagePath(target: string | undefined): target is string {
  return target !== undefined && /^\/[/.]*[^/.]/.test(target) && !target.split('/').includes('..');
}
