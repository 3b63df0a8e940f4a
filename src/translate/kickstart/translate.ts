// What the commands and sections of a kickstart become, one after the other: steps, or a note. What a system on an empty disk makes of some of
// them, and an image of others, is said by the caller.

import type { Command, Kickstart, Place, Section } from '../../kickstart/parse.ts';
import { argumentsOf } from '../../kickstart/words.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { guessHint } from '../../util/nearest.ts';
import type { Draft } from '../draft.ts';
import { STEP } from '../steps.ts';
import { argumentsBy, COMMANDS, type Rule } from './commands.ts';

/** What is not the same for a layer on an image and for a system on an empty disk. */
export interface Manner {
  readonly rules: Readonly<Record<string, Rule>>;
  packages(draft: Draft, at: string, section: Section): void;
  /** Adds a script of %post. @param name of the interpreter */
  script(draft: Draft, at: string, text: string, interpreter: string, mayFail: boolean): void;
  /** Called before what is at a place is taken. */
  enter?(place: Place): void;
  /** Takes a section in its own way; false for one that it leaves. */
  section?(draft: Draft, at: string, section: Section): boolean;
}

/** Adds all that a kickstart says to a draft. Fails as `usage`, with the place, for commands that no version of kickstart has. */
export function translateKickstart(kickstart: Kickstart, draft: Draft, manner: Manner): Result<void> {
  for (const part of kickstart.parts.toSorted((a, b) => turnOf(a) - turnOf(b))) {
    manner.enter?.(part.place);
    const taken =
      part.type === 'command' ? takeCommand(draft, part, manner) : takeSection(draft, part, manner);
    if (!taken.ok) return taken;
  }
  return ok();
}

/** When the installer does it: packages first, since what is configured comes with them, and the scripts of %post last. */
function turnOf(part: Kickstart['parts'][number]): number {
  if (part.type === 'section') return part.name === 'packages' ? 1 : 3;
  return part.name === 'module' ? 0 : 2;
}

/** A place as notes have it: `web.ks:12`. */
export function shown({ file, line }: Place): string {
  return `${file.replace(/^.*\//, '')}:${line}`;
}

function takeCommand(draft: Draft, { name, words, place }: Command, { rules }: Manner): Result<void> {
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (!rule) {
    const hint = guessHint(name, Object.keys(rules), 'compare it with the kickstart documentation');
    return fail('usage', `unknown command "${name}"`, { where: place, hint });
  }
  const at = `${shown(place)}: ${name}`;
  const given = words.map((word) => word.replace(/^(--(?:pass\w*|passphrase)=)[\s\S]*$/, '$1…'));
  if (rule.ignored !== undefined) draft.note(at, `ignored: ${rule.ignored}`);
  if (rule.lost !== undefined) draft.lost([at, ...given].join(' '), rule.lost);
  const fault = rule.step?.({ draft, at, ...argumentsBy(rule, words) });
  return fault === undefined ? ok() : fail('usage', `${name}: ${fault}`, { where: place });
}

function takeSection(draft: Draft, section: Section, manner: Manner): Result<void> {
  const at = `${shown(section.place)}: %${section.name}`;
  if (manner.section?.(draft, at, section)) return ok();
  switch (section.name) {
    case 'packages':
      manner.packages(draft, at, section);
      return ok();
    case 'post':
      takeScript(draft, at, section, manner);
      return ok();
    case 'addon':
      takeAddon(draft, at, section);
      return ok();
    case 'anaconda':
      draft.note(at, 'ignored: of the installer, which does not run');
      return ok();
    default:
      draft.lost(at, 'it runs in the installer, before there is a system or when one fails');
      return ok();
  }
}

interface PackageLine {
  readonly name: string;
  readonly isExcluded: boolean;
  readonly place: Place;
}

/** What %packages lists: names, and those that are left out. A comment ends a line. */
export function packageLines({ lines }: Pick<Section, 'lines'>): readonly PackageLine[] {
  return lines.flatMap(({ text, place }): readonly PackageLine[] => {
    const line = text.replace(/\s*#.*$/, '').trim();
    if (line === '') return [];
    if (line.startsWith('-')) return [{ name: line.slice(1).trim(), isExcluded: true, place }];
    // A group may have a blank in its name, and options behind it.
    return [{ name: line.replace(/^@\s+/, '@').replace(/\s+--\S+/g, ''), isExcluded: false, place }];
  });
}

/** A layer on top of an image, with files of its own. */
export const ON_AN_IMAGE: Manner = {
  rules: COMMANDS,
  packages: takePackages,
  script(draft, at, text, interpreter, mayFail) {
    const file = draft.textFile('post', `#!${interpreter}\n${text}`, true);
    // As a kickstart has it: whether the script fails is of no importance.
    draft.step(
      at,
      mayFail
        ? STEP.run(`${file} || echo 'post failed, which the kickstart accepts' >&2`)
        : STEP.script(file),
    );
  },
};

function takePackages(draft: Draft, at: string, section: Section): void {
  const { words } = section;
  const { options } = argumentsOf(words, ['inst-langs', 'instLangs', 'retries', 'timeout']);
  const wanted: string[] = [];
  const excluded: string[] = [];
  for (const { name, isExcluded, place } of packageLines(section)) {
    if (isExcluded) excluded.push(name);
    else if (name.includes('*')) {
      draft.lost(`${shown(place)}: ${name}`, 'a pattern of packages: name them, or use a run step');
    } else wanted.push(name);
  }
  const groups = wanted.filter((one) => /\s/.test(one));
  for (const group of groups)
    draft.lost(at, `the group "${group}" has a blank in its name: use its identifier`);
  const packages = wanted.filter((one) => !groups.includes(one));
  const recommends = !['exclude-weakdeps', 'excludeWeakdeps'].some((name) => options.has(name));
  if (packages.length > 0) draft.step(at, { install: { packages, recommends } });
  if (excluded.length > 0) {
    const text = 'packages are left out by not naming them; an uninstall step removes those of a group';
    draft.lost(`${at}: -${excluded.join(' -')}`, text);
  }
  for (const name of ['excludedocs', 'inst-langs', 'instLangs', 'ignoremissing', 'multilib']) {
    if (options.has(name))
      draft.lost(at, `--${name}: a setting of the package manager, to be written in a step`);
  }
}

function takeScript(draft: Draft, at: string, { words, lines }: Section, manner: Manner): void {
  const { options } = argumentsOf(words, ['interpreter', 'log', 'logfile']);
  if (options.has('nochroot')) {
    draft.lost(at, '--nochroot runs in the installer, with the system at /mnt/sysimage: use a modify-disk');
    return;
  }
  const body = lines
    .map(({ text }) => text)
    .join('\n')
    .replace(/\n*$/, '\n');
  if (body.trim() === '') return;
  const interpreter = options.get('interpreter') || '/bin/sh';
  if (options.has('log') || options.has('logfile')) {
    draft.note(at, 'what it prints is in the log of the layer: vlb log');
  }
  const mayFail = !options.has('erroronfail');
  manner.script(draft, at, body, interpreter, mayFail);
  if (mayFail) draft.note(at, 'it may fail, as in the kickstart without --erroronfail');
}

function takeAddon(draft: Draft, at: string, { words }: Section): void {
  const [name = '', ...others] = words;
  if (name === 'com_redhat_kdump' && others.includes('--disable')) {
    draft.step(at, STEP.run('systemctl disable kdump.service 2>/dev/null || true'));
    return;
  }
  draft.lost(`${at} ${name}`, 'an add-on of the installer: do the same in a step');
}
