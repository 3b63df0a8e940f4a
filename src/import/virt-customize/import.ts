// Translates a command line of virt-customize(1) into a layer of steps.

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { draftLayer } from '../draft.ts';
import type { Imported, Note, Source } from '../imported.ts';
import { configYaml } from '../layer-yaml.ts';
import type { OptionContext } from './option-steps.ts';
import { ALIASES, OPTIONS } from './options.ts';
import { type GivenOption, splitCommands, splitOptions } from './words.ts';

export interface CommandLine {
  /** The words behind `virt-customize`, or with it. */
  readonly words: readonly string[];
  /** The working directory, absolute. */
  readonly directory: string;
  /** The project's, absolute. */
  readonly project: string;
  /** Of the layer to write, `20_app`. */
  readonly layer: string;
  /** The project has no vlb.yaml and no layers yet, so that the disk of --add can be its base. */
  readonly isNew: boolean;
}

const NAMES = new Map(
  [
    ...Object.entries(OPTIONS),
    ...Object.entries(ALIASES).map(([form, name]) => [form, OPTIONS[name]] as const),
  ].map(([name, rule]) => [name, rule?.value !== undefined] as const),
);

/** A file of commands that includes itself ends here. */
const DEEPEST = 10;

/** Fails as `usage` for options that virt-customize does not have, and values that it does not take. */
export function importCommandLine(line: CommandLine, source: Source): Result<Imported> {
  const { directory, project, layer, isNew } = line;
  const words = path.basename(line.words[0] ?? '') === 'virt-customize' ? line.words.slice(1) : line.words;
  const draft = draftLayer(layer, 'Imported from a command line of virt-customize.');
  const disks: string[] = [];
  const notes: Note[] = [];
  const locate = (file: string) => path.resolve(directory, file);

  const take = (option: GivenOption, at: string, depth: number): Result<void> => {
    const { name = '', value } = option;
    if (option.fault !== undefined) return fail('usage', `${at}: ${option.fault}`);
    if (name === 'add') {
      disks.push(value);
      return ok();
    }
    if (name === 'commands-from-file') return takeFile(value, at, depth);
    const rule = OPTIONS[name] ?? {};
    const shown = rule.value === undefined || rule.isSecret ? at : `${at} ${value.split('\n', 1)[0]}`;
    if (rule.lost !== undefined) draft.lost(shown, rule.lost);
    const context: OptionContext = { draft, at, source, locate };
    const fault = rule.step?.(value, context);
    if (fault !== undefined) return fail('usage', `${shown}: ${fault}`);
    if (rule.note !== undefined) draft.note(shown, rule.note);
    return ok();
  };

  const takeFile = (file: string, at: string, depth: number): Result<void> => {
    const text = source.text(locate(file));
    if (text === undefined || depth > DEEPEST) {
      return fail('usage', `${at} ${file}: ${text === undefined ? 'no such file' : 'too many files'}`);
    }
    for (const { line, name, value } of splitCommands(text)) {
      const where = `${file}:${line}: ${name}`;
      const known = ALIASES[name] ?? name;
      const rule = Object.hasOwn(OPTIONS, known) ? OPTIONS[known] : undefined;
      const fault = rule
        ? rule.value !== undefined && value === '' && { fault: 'requires a value' }
        : { fault: 'not an option of virt-customize' };
      const taken = take({ name: known, form: name, value, ...(fault || {}) }, where, depth + 1);
      if (!taken.ok) return taken;
    }
    return ok();
  };

  for (const option of splitOptions(words, NAMES)) {
    const name = option.name === undefined ? undefined : (ALIASES[option.name] ?? option.name);
    const taken = take({ ...option, name }, option.form, 0);
    if (!taken.ok) return taken;
  }
  const { files, notes: own } = draft.finish();
  const base = isNew && disks[0] !== undefined ? baseFile(locate(disks[0]), project) : undefined;
  for (const [index, disk] of disks.entries()) {
    const isBase = base !== undefined && index === 0;
    notes.push({
      at: `--add ${disk}`,
      text: isBase
        ? 'it is the base in vlb.yaml, which is only read: the image is build/image.qcow2'
        : 'the layer is built on the layer before it, or on base of vlb.yaml',
      isLost: !isBase,
    });
  }
  return ok({ files: [...files, ...(base ?? [])], notes: [...notes, ...own] });
}

function baseFile(disk: string, project: string) {
  const relative = path.relative(project, disk);
  const text = configYaml('Imported from a command line of virt-customize.', {
    base: relative.startsWith('..') ? disk : relative,
  });
  return [{ path: 'vlb.yaml', content: { text } }];
}
