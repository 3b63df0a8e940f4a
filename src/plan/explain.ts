// What changed between two recipes, read from the very text that the key hashes.

import type { Change, InputChange, RunReason } from '../model/plan.ts';

/** The changes from `before` to `after`. Inputs are in the order of their paths. */
export function explain(before: string, after: string): readonly Change[] {
  const [old, now] = [parseRecipe(before), parseRecipe(after)];
  const changes: Change[] = [];
  for (const name of new Set([...old.settings.keys(), ...now.settings.keys()])) {
    const [was, is] = [old.settings.get(name) ?? 'none', now.settings.get(name) ?? 'none'];
    if (was === is) continue;
    const mount = /^mount (.*)$/.exec(name)?.[1];
    if (name === 'parent') changes.push({ type: 'parent', before: was, after: is });
    else if (mount !== undefined) changes.push({ type: 'parent', mount, before: was, after: is });
    else changes.push({ type: 'setting', name, before: was, after: is });
  }
  const paths = [...new Set([...old.inputs.keys(), ...now.inputs.keys()])].sort();
  for (const path of paths) {
    const how = inputChange(old.inputs.get(path), now.inputs.get(path));
    if (how) changes.push({ type: 'input', path, how });
  }
  return changes;
}

/** The reason that summarizes a list of changes: the layer's own files first, since the user knows those. */
export function reasonOf(changes: readonly Change[]): RunReason {
  if (changes.some((change) => change.type === 'input')) return 'input changed';
  if (changes.some((change) => change.type === 'setting')) return 'settings changed';
  return changes.length > 0 ? 'parent changed' : 'artifact lost';
}

interface Recipe {
  readonly settings: ReadonlyMap<string, string>;
  /** The entry's words before the path, by path. */
  readonly inputs: ReadonlyMap<string, readonly string[]>;
}

const INPUT = /^(?:(file) ([x-]) ([0-9a-f]+)|(link) (".*")|(directory)) (".*?")$/;

function parseRecipe(text: string): Recipe {
  const settings = new Map<string, string>();
  const inputs = new Map<string, readonly string[]>();
  for (const line of text.split('\n')) {
    const input = INPUT.exec(line);
    const path = input?.[7];
    if (input && path !== undefined) {
      inputs.set(String(JSON.parse(path)), input.slice(1, 7).filter(Boolean));
      continue;
    }
    const [name, value] = parseSetting(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const earlier = settings.get(name);
    settings.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return { settings, inputs };
}

/** Name and value of a line. What can be told apart by its name or place has that in the name. */
function parseSetting(line: string): [string, string] | undefined {
  const param = /^param (".*")$/.exec(line)?.[1];
  if (param !== undefined) {
    const [name = '', ...value] = String(JSON.parse(param)).split('=');
    return [`param ${name}`, value.join('=')];
  }
  // The place comes last: two mounts may be of one layer.
  const [, word, what, place] = /^(mount|chroot-mount) (\S+) (".*")$/.exec(line) ?? [];
  if (word !== undefined && what !== undefined && place !== undefined) {
    return [`${word} ${String(JSON.parse(place))}`, what];
  }
  const space = line.indexOf(' ');
  return space < 0 ? undefined : [line.slice(0, space), line.slice(space + 1)];
}

function inputChange(
  was: readonly string[] | undefined,
  is: readonly string[] | undefined,
): InputChange | undefined {
  if (!was) return 'added';
  if (!is) return 'removed';
  if (was.join(' ') === is.join(' ')) return undefined;
  if (was[0] !== is[0]) return 'type';
  if (was[0] === 'link') return 'link target';
  return was[2] === is[2] ? 'executable bit' : 'content';
}
