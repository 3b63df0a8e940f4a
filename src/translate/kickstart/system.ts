// A kickstart as a system on an empty disk: the fields that a layer.yaml would have, and where each of them is in the kickstart.

import type { Kickstart, Place, Section } from '../../kickstart/parse.ts';
import { argumentsOf } from '../../kickstart/words.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Draft, StepEntry } from '../draft.ts';
import { STEP } from '../steps.ts';
import { COMMANDS, type Given, listOf, type Rule } from './commands.ts';
import { disksOf, partitionsByDisk } from './disks.ts';
import { Storage } from './partitions.ts';
import { settingRules } from './settings.ts';
import { type Manner, packageLines, translateKickstart } from './translate.ts';

/** What its comments say, `# vlb: …`, and what is not in it. */
export interface SystemGiven {
  readonly distribution: string;
  readonly suite: string;
  readonly keyring: string | undefined;
  /** `10G`; undefined for as much as the partitions need. */
  readonly size: string | undefined;
  /** The secret with the passphrase of what is encrypted. */
  readonly passphrase: string | undefined;
  /** URLs, and what to use in the place of what begins so. */
  readonly mirrors: readonly (readonly [from: string, to: string])[];
  /** The hash of a password as crypt(5) has it. Fails as `host` without the program for it. */
  hash(user: string, password: string): Result<string>;
}

export interface KickstartSystem {
  /** As a layer.yaml has it. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Of a field of that, or of the one that it is in. */
  placeOf(path: readonly (string | number)[]): Place | undefined;
  /** What users should know of commands that have no meaning for it. */
  readonly notes: readonly string[];
}

interface Packages {
  readonly names: string[];
  readonly places: Place[];
  readonly excluded: string[];
  options: ReadonlyMap<string, string> | undefined;
}

/** Fails as `usage`, with the place and what to write, for what cannot be done. */
export function systemOfKickstart(kickstart: Kickstart, given: SystemGiven): Result<KickstartSystem> {
  let place: Place = { file: '', line: 1 };
  let wrong: ReturnType<typeof fail> | undefined;
  const notes: string[] = [];
  const steps: { step: StepEntry; place: Place }[] = [];
  const last: { step: StepEntry; place: Place }[] = [];
  const refuse = (at: string, text: string): void => {
    wrong ??= fail('usage', `${at.replace(/^[^ ]+:\d+: /, '')}: ${text}`, { where: place });
  };
  const draft: Draft = {
    step: (_, step) => void steps.push({ step, place }),
    lastStep: (_, step) => void last.push({ step, place }),
    lost: refuse,
    note: (at, text) => void notes.push(`${at}: ${text}`),
    param: () => undefined,
    secret: () => undefined,
    withoutNetwork: () => undefined,
    textFile: () => '',
    copiedFile: () => '',
  };
  const packages: Packages = { names: [], places: [], excluded: [], options: undefined };
  const repositories: { fields: Readonly<Record<string, unknown>>; place: Place }[] = [];
  const modules: string[] = [];
  const storage = new Storage(
    {
      format: given.distribution === 'fedora' ? 'ext4' : 'xfs',
      group: given.distribution,
      passphrase: given.passphrase,
    },
    () => place,
  );
  const scripts = kickstart.parts.flatMap((part) =>
    part.type === 'section' && part.name === 'pre' ? [part.lines.map(({ text }) => text).join('\n')] : [],
  );
  let kernel: string | undefined;

  const addRepository = (name: string, { options }: Given): string | undefined => {
    const url = options.get('url') ?? options.get('baseurl');
    const from = options.get('metalink') ?? options.get('mirrorlist');
    const isMetalink = options.has('metalink') || /\/metalink\b/.test(from ?? '');
    for (const word of [
      'proxy',
      'noverifyssl',
      'includepkgs',
      'ignoregroups',
      'sslcacert',
      'sslclientcert',
    ]) {
      if (options.has(word))
        return `--${word}: write the repository in a layer.yaml, or leave the option out`;
    }
    if (url === undefined && from === undefined) return 'requires --baseurl, --mirrorlist or --metalink';
    const mapped = (text: string) => {
      const [start, to] = given.mirrors.find(([one]) => text.startsWith(one)) ?? [];
      return start === undefined ? text : `${to}${text.slice(start.length)}`;
    };
    const field = url === undefined ? (isMetalink ? 'metalink' : 'mirrorlist') : 'url';
    repositories.push({
      place,
      fields: {
        name: name.replaceAll(/[^A-Za-z0-9._+-]/g, '-'),
        [field]: mapped(url ?? from ?? ''),
        key: given.keyring ?? 'none',
        ...(options.has('cost') ? { cost: options.get('cost') } : {}),
        ...(options.has('excludepkgs') ? { exclude: listOf(options.get('excludepkgs')) } : {}),
        ...(options.has('install') ? { keep: true } : {}),
      },
    });
    return undefined;
  };

  /** The hash in the place of a password in plain text. */
  const hashed = (user: string, password: string, at: string): string | undefined => {
    const made = given.hash(user, password);
    if (!made.ok) {
      wrong ??= made;
      return undefined;
    }
    draft.note(
      at,
      'a password in plain text, which everyone who has this file knows: use --iscrypted, or --lock',
    );
    return made.value;
  };

  /** Adds a package that a command needs. */
  const installs = (name: string): void => {
    if (packages.names.includes(name)) return;
    packages.names.push(name);
    packages.places.push(place);
  };

  const rules: Readonly<Record<string, Rule>> = {
    ...COMMANDS,
    ...storage.rules(),
    repo: {
      valued: ['name', 'baseurl', 'mirrorlist', 'metalink', 'cost', 'excludepkgs', 'includepkgs', 'proxy'],
      step: (one) => {
        const name = one.options.get('name');
        return name ? addRepository(name, one) : 'requires --name';
      },
    },
    url: {
      valued: ['url', 'mirrorlist', 'metalink', 'proxy'],
      step: (one) => addRepository('installation', one),
    },
    module: {
      valued: ['name', 'stream'],
      step: ({ options }) => {
        const [name, stream] = [options.get('name'), options.get('stream')];
        if (!name || !stream) return 'requires --name and --stream';
        if (options.has('disable'))
          return '--disable: exclude the packages of the module with -NAME in %packages';
        modules.push(`${name}:${stream}`);
        return undefined;
      },
    },
    ...settingRules({
      draft,
      hash: hashed,
      installs,
      withoutKernel: () => {
        kernel = 'none';
      },
    }),
  };

  const manner: Manner = {
    rules,
    enter: (next) => {
      place = next;
    },
    packages(_, at, section) {
      const { options } = argumentsOf(section.words, ['inst-langs', 'instLangs', 'retries', 'timeout']);
      packages.options = options;
      if (options.has('multilib')) refuse(at, '--multilib: name the packages of the other architecture');
      for (const { name, isExcluded, place: where } of packageLines(section)) {
        if (isExcluded && name.startsWith('@')) {
          place = where;
          refuse(`-${name}`, 'a group cannot be left out: leave out its packages');
        } else if (isExcluded) packages.excluded.push(name);
        else {
          packages.names.push(name);
          packages.places.push(where);
        }
      }
    },
    script(_, at, text, interpreter, mayFail) {
      // As in the installer, scripts come after the passwords.
      steps.push(...last.splice(0));
      const failing = mayFail ? " || echo 'post failed, which the kickstart accepts' >&2" : '';
      const end = endOf(text);
      const shell = `cat >"$TMPDIR/post" <<'${end}'\n#!${interpreter}\n${text}${end}\nchmod +x "$TMPDIR/post"`;
      draft.step(at, STEP.run(`# ${at}\n: "\${TMPDIR:=/tmp}"\n${shell}\n"$TMPDIR/post"${failing}`));
    },
    section: (_, at, section) => takeSection(section, at, draft, kickstart),
  };

  const taken = translateKickstart(kickstart, draft, manner);
  if (!taken.ok) return taken;
  if (wrong) return wrong;
  const [gone] = kickstart.missing;
  if (gone) {
    return fail('usage', `${gone.name}: no such file`, {
      where: gone.place,
      hint: 'add it to the layer; a path is relative to the file that names it',
    });
  }
  const { problem } = storage;
  if (problem) return fail('usage', problem.message, { where: problem.place });
  const { partitions, unknown } = storage.sized(scripts);
  if (unknown) {
    return fail('usage', 'part --onpart: the size of this partition is not known', {
      where: unknown,
      hint: 'write --size or --grow in place of --onpart, or divide the disk with parted in %pre',
    });
  }
  const { names, options, excluded, places } = packages;
  const weak = ['exclude-weakdeps', 'excludeWeakdeps'].some((name) => options?.has(name));
  const languages = options?.get('inst-langs') ?? options?.get('instLangs');
  const system = {
    distribution: given.distribution,
    suite: given.suite,
    packages: names,
    variant: options?.has('nocore') ? 'minbase' : 'standard',
    recommends: !weak,
    'exclude-docs': options?.has('excludedocs') ?? false,
    ...(kernel === undefined ? {} : { kernel }),
    ...(excluded.length === 0 ? {} : { exclude: excluded }),
    ...(modules.length === 0 ? {} : { modules }),
    ...(languages ? { languages: languages.split(/[,:]/).filter(Boolean) } : {}),
    ...(options?.has('ignoremissing') ? { 'ignore-missing': true } : {}),
    ...(repositories.length === 0 ? {} : { repositories: repositories.map(({ fields }) => fields) }),
  };
  if (repositories.length > 0 && given.keyring === undefined) {
    notes.push(
      'packages are installed without a check of their signatures, as by the installer: see # vlb: keyring',
    );
  }
  const all = [...steps, ...last];
  const byDisk = partitionsByDisk(partitions);
  return ok({
    value: {
      system,
      ...(partitions.length === 0 ? {} : { disks: disksOf(byDisk, storage, given.size) }),
      ...(partitions.length === 0 && given.size !== undefined
        ? { disks: { main: { size: given.size } } }
        : {}),
      ...(all.length === 0 ? {} : { steps: all.map(({ step }) => step) }),
    },
    notes,
    placeOf([first, second, third, fourth]) {
      const index = Number(first === 'disks' ? fourth : first === 'steps' ? second : third);
      if (first === 'steps') return all[index]?.place;
      if (first === 'disks') {
        const own = byDisk.get(String(second)) ?? partitions;
        return own[Number.isNaN(index) ? 0 : index]?.place;
      }
      if (second === 'packages') return places[index];
      if (second === 'repositories') return repositories[index]?.place;
      return undefined;
    },
  });
}

/** A script of %pre counts where it makes partitions, or files that are included; all others would have to run. */
function takeSection(
  { name, lines }: Section,
  at: string,
  draft: Draft,
  { fromScripts }: Kickstart,
): boolean {
  const text = lines.map((line) => line.text).join('\n');
  if (['onerror', 'traceback'].includes(name)) {
    draft.note(at, 'ignored: it is for a failed installation, which vlb throws away');
    return true;
  }
  if (name !== 'pre') return false;
  if (/\bmkpart\b/.test(text) || fromScripts.length > 0) {
    draft.note(
      at,
      'not run: its partitions, and the files that it writes for %include, are taken from its text',
    );
    return true;
  }
  if (text.trim() === '') return true;
  draft.lost(at, 'it would run in the installer: write the commands that it makes');
  return true;
}

function endOf(text: string): string {
  const lines = text.split('\n');
  let end = 'EOF';
  while (lines.includes(end)) end += '_';
  return end;
}
