// What changed between two recipes, read from the very text that the key hashes.

import { type ManifestEntry, parseManifest } from '../model/manifest.ts';
import type { Change, InputChange, RunReason } from '../model/plan.ts';
import { PARENT_DISK, parentIn, parseRecipe, type Recipe, type Setting } from '../model/recipe.ts';

/** The changes from `before` to `after`. Inputs are in the order of their paths. */
export function explain(before: string, after: string): readonly Change[] {
  const [old, now] = [parseRecipe(before), parseRecipe(after)];
  const [oldSettings, newSettings] = [settingsOf(old), settingsOf(now)];
  const [oldInputs, newInputs] = [inputsOf(old), inputsOf(now)];
  const changes: Change[] = [];
  for (const name of new Set([...oldSettings.keys(), ...newSettings.keys()])) {
    const [was, is] = [oldSettings.get(name) ?? 'none', newSettings.get(name) ?? 'none'];
    if (was === is) continue;
    const mount = /^mount (.*)$/.exec(name)?.[1];
    const disk = name.startsWith(`${PARENT_DISK} `) ? name.slice(PARENT_DISK.length + 1) : undefined;
    if (name === 'parent') changes.push({ type: 'parent', before: was, after: is });
    else if (disk !== undefined) {
      // What the parent has is not known before it is built.
      if (parentIn(after) !== undefined) changes.push({ type: 'parent', disk, before: was, after: is });
    } else if (mount !== undefined) changes.push({ type: 'parent', mount, before: was, after: is });
    else changes.push({ type: 'setting', name, before: was, after: is });
  }
  changes.push(...stepChanges(stepsOf(old), stepsOf(now)));
  const paths = [...new Set([...oldInputs.keys(), ...newInputs.keys()])].sort();
  for (const path of paths) {
    const how = inputChange(oldInputs.get(path), newInputs.get(path));
    if (how) changes.push({ type: 'input', path, how });
  }
  return changes;
}

/** The reason that summarizes a list of changes: the layer's own files first, since the user knows those. */
export function reasonOf(changes: readonly Change[]): RunReason {
  if (changes.some((change) => change.type === 'input')) return 'input changed';
  if (changes.some(({ type }) => type === 'setting' || type === 'step')) return 'settings changed';
  return changes.length > 0 ? 'parent changed' : 'artifact lost';
}

/** Every setting of a recipe by a name of its own, in the order of the text. */
function settingsOf(recipe: Recipe): ReadonlyMap<string, string> {
  const all: readonly (readonly [string, string | undefined])[] = [
    ['schema', recipe.schema],
    ['kind', recipe.kind],
    ['architecture', recipe.platform?.architecture],
    ['parent', recipe.parent],
    ...recipe.mounts.map(({ target, digest }) => [`mount ${target}`, digest] as const),
    ...recipe.settings
      .filter(isNoStep)
      .map(({ name, of, value }) => [of === undefined ? name : `${name} ${of}`, value] as const),
  ];
  const settings = new Map<string, string>();
  for (const [name, value] of all) {
    if (value === undefined) continue;
    const earlier = settings.get(name);
    settings.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return settings;
}

function isNoStep({ name }: Setting): boolean {
  return name !== 'step';
}

/** The steps of a layer.yaml, in their order: the texts of the recipe, with the versions of their verbs. */
function stepsOf({ settings }: Recipe): readonly string[] {
  return settings.flatMap((setting) => (isNoStep(setting) ? [] : [`${setting.value} ${setting.of ?? ''}`]));
}

/** Where steps begin to be different: what follows has to run in any case. */
function stepChanges(before: readonly string[], after: readonly string[]): readonly Change[] {
  const first = after.findIndex((step, index) => step !== before[index]);
  if (first < 0 && before.length <= after.length) return [];
  const index = first < 0 ? after.length : first;
  const [was, is] = [before[index], after[index]].map((step) => step?.replace(/^\S+ /, ''));
  return [
    {
      type: 'step',
      index: index + 1,
      ...(was === undefined ? {} : { before: was }),
      ...(is === undefined ? {} : { after: is }),
    },
  ];
}

function inputsOf({ manifest }: Recipe): ReadonlyMap<string, ManifestEntry> {
  return new Map(parseManifest(manifest).map((entry) => [entry.path, entry]));
}

function inputChange(was: ManifestEntry | undefined, is: ManifestEntry | undefined): InputChange | undefined {
  if (!was) return 'added';
  if (!is) return 'removed';
  if (was.type === 'file' && is.type === 'file') {
    if (was.hash !== is.hash) return 'content';
    return was.executable === is.executable ? undefined : 'executable bit';
  }
  if (was.type === 'link' && is.type === 'link') return was.target === is.target ? undefined : 'link target';
  return was.type === is.type ? undefined : 'type';
}
