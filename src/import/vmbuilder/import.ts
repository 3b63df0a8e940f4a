// Translates the configuration of vmbuilder, with the files that it names, into a layer with a system.

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { addPassword } from '../../translate/passwords.ts';
import { literal, STEP } from '../../translate/steps.ts';
import { draftLayer } from '../draft.ts';
import type { Imported, Source } from '../imported.ts';
import { type Part, readParts, readVmConfig, type VmSetting } from './files.ts';

export interface VmbuilderFile {
  /** As the user names it. */
  readonly file: string;
  /** The working directory, absolute: vmbuilder's paths are relative to it. */
  readonly directory: string;
  /** Of the layer to write, `10_base`. */
  readonly layer: string;
}

const DISTRIBUTIONS = ['ubuntu', 'debian'];

/** The settings that mean nothing for a layer, and why. */
const IGNORED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['tmp', 'tmpfs', 'debug', 'verbose', 'quiet', 'overwrite', 'destdir', 'dest', 'templates', 'arch'].map(
      (name) => [name, 'of the run of vmbuilder'],
    ),
  ),
  'install-mirror': 'packages come from "mirror", or from the mirror of the machine that builds',
  'install-security-mirror':
    'packages come from "security-mirror", or from the mirror of the machine that builds',
  proxy: 'vlb uses the proxy of its environment',
  'virtio-net': 'machines have virtio',
};

/** The settings that are not imported, and what to use. */
const LOST: Readonly<Record<string, string>> = {
  mem: 'machines in vlb.yaml have "memory"',
  cpus: 'machines in vlb.yaml have "cpus"',
  libvirt: 'use vlb deploy',
  network: 'machines in vlb.yaml have "networks"',
  bridge: 'machines in vlb.yaml have "networks"',
  mac: 'machines in vlb.yaml have "networks"',
  raw: 'use vlb deploy to a block device',
  ppa: 'add it with a repository step, which needs its key',
  execscript: 'it runs on the host: use a modify-disk',
  seedfile: 'use a debconf-set-selections in a run step in front of an install step',
  removepkg: 'use an uninstall step',
  manifest: 'use vlb sbom',
  iso: 'vlb installs from a mirror',
  'debootstrap-tarball': 'vlb installs from a mirror',
  ec2: 'use vlb export',
};

/** Fails as `usage`, with file and line, for what is not a configuration of vmbuilder. */
export function importVmbuilder({ file, directory, layer }: VmbuilderFile, source: Source): Result<Imported> {
  const text = source.text(path.resolve(directory, file));
  if (text === undefined) return fail('usage', `no such file: ${file}`);
  const read = readVmConfig(file, text);
  if (!read.ok) return read;
  const distribution = DISTRIBUTIONS.find((name) => read.value.has(name)) ?? 'ubuntu';
  // As vmbuilder has it: the sections of the distribution and of the hypervisor over the one for all.
  const settings = new Map<string, VmSetting>();
  for (const [name, section] of [...read.value].toSorted(
    ([a], [b]) => rank(a, distribution) - rank(b, distribution),
  )) {
    if (DISTRIBUTIONS.includes(name) && name !== distribution) continue;
    for (const [key, setting] of section) settings.set(key, setting);
  }
  const draft = draftLayer(layer, `Imported from the configuration of vmbuilder ${path.basename(file)}.`);
  const taken = new Set<string>();
  const value = (name: string): string | undefined => {
    taken.add(name);
    const given = settings.get(name)?.value;
    return given === '' ? undefined : given;
  };
  const at = (name: string) => `${path.basename(file)}:${settings.get(name)?.line ?? 1}: ${name}`;
  /** A file that a setting names, with its text. */
  const named = (name: string): { readonly file: string; readonly text: string } | undefined => {
    const given = value(name);
    if (given === undefined) return undefined;
    for (const from of [directory, path.dirname(path.resolve(directory, file))]) {
      const place = path.resolve(from, given);
      const content = source.text(place);
      if (content !== undefined) return { file: place, text: content };
    }
    draft.lost(at(name), `no such file: ${given}`);
    return undefined;
  };
  const list = (name: string) => (value(name) ?? '').split(/[\s,]+/).filter(Boolean);

  const flavour = value('flavour') ?? value('kernel-flavour');
  const variant = value('variant');
  const [suite, mirror, security] = [value('suite'), value('mirror'), value('security-mirror')];
  if (suite === undefined) {
    return fail('usage', 'the configuration has no suite', {
      where: { file, line: 1 },
      hint: `add one to the section [${distribution}]: suite = noble`,
    });
  }
  const components = list('components');
  const packages = [...new Set([...list('addpkg'), ...neededBy(settings)])];
  const system = {
    distribution,
    suite,
    ...(packages.length === 0 ? {} : { packages }),
    ...(components.length === 0 ? {} : { components }),
    ...(mirror === undefined ? {} : { mirror }),
    ...(security === undefined ? {} : { 'security-mirror': security }),
    ...(variant === 'minbase' ? { variant } : {}),
    ...(flavour === undefined || distribution !== 'ubuntu' || flavour === 'virtual'
      ? {}
      : { kernel: `linux-image-${flavour === 'server' ? 'generic' : flavour}` }),
  };
  const partFile = named('part');
  const parts = partFile ? readParts(partFile.file, partFile.text) : ok([]);
  if (!parts.ok) return parts;
  for (const [further] of parts.value.slice(1)) {
    draft.lost(
      `${path.basename(partFile?.file ?? '')}:${further?.line ?? 1}`,
      'a second disk: give machines in vlb.yaml one',
    );
  }
  const sizes = ['rootsize', 'optsize', 'swapsize'].map((name) => Number.parseInt(value(name) ?? '', 10));
  const disk = diskOf(parts.value[0] ?? usualParts(sizes));

  const hostname = value('hostname');
  const domain = value('domain');
  if (hostname !== undefined) {
    draft.step(
      at('hostname'),
      STEP.hostname(literal(domain === undefined ? hostname : `${hostname}.${domain}`)),
    );
  }
  const [language, zone] = [value('lang'), value('timezone')];
  if (language !== undefined) draft.step(at('lang'), { locale: language.replace(/\.utf-?8$/i, '.UTF-8') });
  if (zone !== undefined) draft.step(at('timezone'), STEP.timezone(zone));
  const ip = value('ip');
  const [mask, gateway, dns] = [value('mask'), value('gw'), list('dns')];
  for (const name of ['net', 'bcast']) taken.add(name);
  if (ip === undefined || ip === 'dhcp') draft.step(at('ip'), { network: 'dhcp' });
  else {
    const prefix = (mask ?? '255.255.255.0')
      .split('.')
      .reduce((sum, part) => sum + Number(part).toString(2).replaceAll('0', '').length, 0);
    const more = { ...(gateway === undefined ? {} : { gateway }), ...(dns.length === 0 ? {} : { dns }) };
    draft.step(at('ip'), { network: { address: `${ip}/${prefix}`, ...more } });
  }
  const user = value('user');
  const [password, lock] = [value('pass'), value('lock-user')];
  const [uid, gid, comment] = [value('uid'), value('gid'), value('name')];
  if (user === undefined)
    draft.note(path.basename(file), 'no user: vmbuilder would create "ubuntu" with a known password');
  else {
    const more = {
      ...(uid ? { uid } : {}),
      ...(gid ? { gid } : {}),
      ...(comment ? { comment: literal(comment) } : {}),
    };
    draft.step(at('user'), { user: { name: user, groups: ['sudo'], shell: '/bin/bash', ...more } });
    const fault = addPassword(
      draft,
      at('pass'),
      user,
      lock === undefined && password ? 'password:' : 'locked',
    );
    if (fault !== undefined) draft.lost(at('pass'), fault);
  }
  if (value('rootpass') !== undefined) addPassword(draft, at('rootpass'), 'root', 'password:');
  for (const [name, of] of [
    ['ssh-key', 'root'],
    ['ssh-user-key', user],
  ] as const) {
    const key = named(name);
    if (key && of !== undefined) draft.step(at(name), STEP.sshKey(of, literal(key.text.trim())));
  }
  for (const [, from, to] of (named('copy')?.text ?? '').matchAll(/^\s*([^\s#]\S*)\s+(\/\S*)\s*$/gm)) {
    const found = path.resolve(directory, from ?? '');
    if (source.status(found))
      draft.step(at('copy'), STEP.copy({ from: draft.copiedFile(found), to: to ?? '' }));
    else draft.lost(`${at('copy')} ${from}`, 'no such file');
  }
  for (const name of ['firstboot', 'firstlogin'] as const) {
    const script = named(name);
    if (script)
      draft.step(at(name), { [name]: draft.textFile(path.basename(script.file), script.text, true) });
  }
  for (const [name, setting] of settings) {
    if (taken.has(name)) continue;
    const key = name.startsWith('ec2') ? 'ec2' : name;
    if (Object.hasOwn(IGNORED, key)) draft.note(at(name), `ignored: ${IGNORED[key]}`);
    else draft.lost(`${at(name)} = ${setting.value}`, LOST[key] ?? 'not an option that vlb knows');
  }
  return ok(draft.finish({ system, disks: { main: disk } }));
}

/** The packages that steps of these settings need, in a system that has only what boots. */
function neededBy(settings: ReadonlyMap<string, VmSetting>): readonly string[] {
  const needsLocale = !/^(?:C|POSIX)/.test(settings.get('lang')?.value ?? 'C');
  return [
    ...(needsLocale ? ['locales'] : []),
    ...(settings.has('timezone') ? ['tzdata'] : []),
    ...(settings.has('user') ? ['sudo'] : []),
    ...(settings.has('ssh-key') || settings.has('ssh-user-key') ? ['openssh-server'] : []),
  ];
}

/** The section for all first, then the distribution's, then that of the hypervisor. */
function rank(section: string, distribution: string): number {
  return section === 'DEFAULT' ? 0 : section === distribution ? 1 : 2;
}

/** The sizes of vmbuilder's own layout, where none or not all are given. */
function usualParts([
  root = Number.NaN,
  opt = Number.NaN,
  swap = Number.NaN,
]: readonly number[]): readonly Part[] {
  const or = (size: number, usual: number) => (Number.isNaN(size) ? usual : size);
  return [
    { name: 'root', size: or(root, 4096), line: 1 },
    { name: '/opt', size: or(opt, 0), line: 1 },
    { name: 'swap', size: or(swap, 1024), line: 1 },
  ].filter(({ size }) => size > 0);
}

/** A disk with these parts, and what the firmware needs. */
function diskOf(parts: readonly Part[]) {
  const total = parts.reduce((sum, { size }) => sum + size, 0) + 110;
  return {
    size: `${total}M`,
    partitions: parts.map(({ name, size }) =>
      name === 'swap'
        ? { filesystem: 'swap', size: `${size}M` }
        : { mount: name === 'root' ? '/' : name, size: `${size}M` },
    ),
  };
}
