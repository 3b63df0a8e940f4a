// Translates a kickstart file into a layer of steps on top of an image of its distribution.

import path from 'node:path';
import {
  type Command,
  type Kickstart,
  type Place,
  parseKickstart,
  type Section,
} from '../../kickstart/parse.ts';
import { argumentsOf } from '../../kickstart/words.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { guessHint } from '../../util/nearest.ts';
import { type Draft, draftLayer } from '../draft.ts';
import type { Imported, Source } from '../imported.ts';
import { STEP } from '../steps.ts';
import { argumentsBy, COMMANDS } from './commands.ts';

export interface KickstartFile {
  /** As the user names it. */
  readonly file: string;
  /** The working directory, absolute. */
  readonly directory: string;
  /** Of the layer to write, `20_app`. */
  readonly layer: string;
}

/** Fails as `usage`, with file and line, for what is not a kickstart, and for commands that no version of it has. */
export function importKickstart({ file, directory, layer }: KickstartFile, source: Source): Result<Imported> {
  const locate = (name: string, from: string) => path.resolve(directory, path.dirname(from), name);
  const text = source.text(path.resolve(directory, file));
  if (text === undefined) return fail('usage', `no such file: ${file}`);
  const parsed = parseKickstart(file, text, (name, from) => {
    // An absolute path is one of the installer's.
    const found = path.isAbsolute(name) ? undefined : source.text(locate(name, from));
    if (found === undefined) return undefined;
    return { file: path.join(path.dirname(from), name), text: found };
  });
  if (!parsed.ok) return parsed;
  const draft = draftLayer(layer, `Imported from the kickstart file ${path.basename(file)}.`);
  noteIncluded(draft, parsed.value);
  for (const part of parsed.value.parts.toSorted((a, b) => turnOf(a) - turnOf(b))) {
    const taken = part.type === 'command' ? takeCommand(draft, part) : takeSection(draft, part);
    if (!taken.ok) return taken;
  }
  const { files, notes } = draft.finish();
  return ok({ files, notes });
}

/** When the installer does it: packages first, since what is configured comes with them, and the scripts of %post last. */
function turnOf(part: Kickstart['parts'][number]): number {
  if (part.type === 'section') return part.name === 'packages' ? 1 : 3;
  return part.name === 'module' ? 0 : 2;
}

function shown({ file, line }: Place): string {
  return `${path.basename(file)}:${line}`;
}

function noteIncluded(draft: Draft, { missing, fromScripts }: Kickstart): void {
  for (const { name, place } of missing) draft.lost(shown(place), `%include ${name}: no such file`);
  for (const { name, place } of fromScripts) {
    draft.note(shown(place), `%include ${name}: as a script of %pre writes it, without its variables`);
  }
}

function takeCommand(draft: Draft, { name, words, place }: Command): Result<void> {
  const rule = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!rule) {
    const hint = guessHint(name, Object.keys(COMMANDS), 'compare it with the kickstart documentation');
    return fail('usage', `unknown command "${name}"`, { where: place, hint });
  }
  const at = `${shown(place)}: ${name}`;
  const given = words.map((word) => word.replace(/^(--(?:pass\w*|passphrase)=)[\s\S]*$/, '$1…'));
  if (rule.ignored !== undefined) draft.note(at, `ignored: ${rule.ignored}`);
  if (rule.lost !== undefined) draft.lost([at, ...given].join(' '), rule.lost);
  const fault = rule.step?.({ draft, at, ...argumentsBy(rule, words) });
  return fault === undefined ? ok() : fail('usage', `${name}: ${fault}`, { where: place });
}

function takeSection(draft: Draft, section: Section): Result<void> {
  const at = `${shown(section.place)}: %${section.name}`;
  switch (section.name) {
    case 'packages':
      takePackages(draft, at, section);
      return ok();
    case 'post':
      takeScript(draft, at, section);
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

function takePackages(draft: Draft, at: string, { words, lines }: Section): void {
  const { options } = argumentsOf(words, ['inst-langs', 'instLangs', 'retries', 'timeout']);
  const wanted: string[] = [];
  const excluded: string[] = [];
  for (const { text, place } of lines) {
    const name = text.replace(/\s*#.*$/, '').trim();
    if (name === '') continue;
    if (name.startsWith('-')) {
      excluded.push(name.slice(1));
    } else if (name.includes('*')) {
      draft.lost(`${shown(place)}: ${name}`, 'a pattern of packages: name them, or use a run step');
    } else {
      // A group may have a blank in its name, and options behind it.
      wanted.push(name.replace(/^@\s+/, '@').replace(/\s+--\S+/g, ''));
    }
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

function takeScript(draft: Draft, at: string, { words, lines }: Section): void {
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
  const file = draft.textFile('post', `#!${interpreter}\n${body}`, true);
  if (options.has('log') || options.has('logfile'))
    draft.note(at, 'what it prints is in the log of the layer: vlb log');
  if (options.has('erroronfail')) {
    draft.step(at, STEP.script(file));
    return;
  }
  // As a kickstart has it: whether the script fails is of no importance.
  draft.step(at, STEP.run(`${file} || echo 'post failed, which the kickstart accepts' >&2`));
  draft.note(at, 'it may fail, as in the kickstart without --erroronfail');
}

function takeAddon(draft: Draft, at: string, { words }: Section): void {
  const [name = '', ...others] = words;
  if (name === 'com_redhat_kdump' && others.includes('--disable')) {
    draft.step(at, STEP.run('systemctl disable kdump.service 2>/dev/null || true'));
    return;
  }
  draft.lost(`${at} ${name}`, 'an add-on of the installer: do the same in a step');
}
