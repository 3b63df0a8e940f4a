// From the fields of a file to an installation that is complete: releases by their names, sizes in bytes, the disk planned.

import { programsFor } from '../disk-layout/commands.ts';
import { planDisk } from '../disk-layout/plan.ts';
import type { Source } from '../distro/bootstrap/port.ts';
import { SOURCES } from '../distro/bootstrap/registry.ts';
import { type Distribution, namedDistribution } from '../distro/distribution.ts';
import { KEPT } from '../distro/packages/port.ts';
import { MAIN_DISK } from '../model/artifact.ts';
import {
  contentsOf,
  type DiskLayout,
  type Firmware,
  type PartitionWish,
  type PlannedDisk,
} from '../model/system/layout.ts';
import type { Installation, Repository, System } from '../model/system/system.ts';
import { asList } from '../steps/fields.ts';
import { guessHint } from '../util/nearest.ts';
import { parseSize } from '../util/units.ts';
import type { DiskFields, DisksFields, SystemFields } from './schema.ts';
import { diskSettings, systemSettings } from './settings.ts';

/** The size of a disk, and what is on it, where the file has no `disks`. */
const USUAL_SIZE = '4G';
const USUAL_PARTITIONS: DiskFields['partitions'] = [{ mount: '/', size: 'rest', label: 'root' }];

/** A failure, and where: a path of fields from `system` or `disks` on. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
}

export type Installed =
  | { readonly ok: true; readonly value: Omit<Installation, 'placeOf' | 'placeOfVolumes'> }
  | { readonly ok: false; readonly problem: Problem };

export interface InstallationAbout {
  /** The layer's name without its number: identifiers of its disk are made of it. */
  readonly name: string;
  /** As Node names it. */
  readonly architecture: string;
  readonly sectorSize: number | undefined;
}

/** The installation of what a file says. */
export function installationOf(
  system: SystemFields,
  disks: DisksFields | undefined,
  about: InstallationAbout,
): Installed {
  const source = sourceOf(system.distribution);
  if (!source.ok) return source;
  const known = systemOf(system, source.value);
  if (!known.ok) return known;
  const able = source.value.check(about.architecture);
  if (!able.ok) {
    const { message, hint } = able.failure;
    return problem(['system', 'distribution'], message, hint);
  }
  const { main, ...others } = disks ?? { main: { size: USUAL_SIZE } };
  const layout = layoutOf(main, known.value, about);
  const planned = planDisk(layout, [about.name, 'main']);
  if (!planned.ok) {
    const { path, message, hint } = planned.problem;
    return problem(['disks', 'main', ...path], message, hint);
  }
  const { disk } = planned;
  const further: { readonly name: string; readonly disk: PlannedDisk }[] = [];
  for (const name of Object.keys(others).toSorted()) {
    const fields = others[name];
    if (!fields) continue;
    const one = planDisk(furtherLayout(fields, about), [about.name, name]);
    if (!one.ok) return problem(['disks', name, ...one.problem.path], one.problem.message, one.problem.hint);
    further.push({ name, disk: one.disk });
  }
  const clash = clashOf([{ name: MAIN_DISK, disk }, ...further]);
  if (clash) return clash;
  const programs = [disk, ...further.map((one) => one.disk)].flatMap(programsFor);
  return {
    ok: true,
    value: {
      system: known.value,
      disk,
      further,
      settings: [
        ...systemSettings(known.value),
        ...diskSettings('main', disk),
        ...further.flatMap((one) => diskSettings(one.name, one.disk)),
      ],
      tools: [...new Set([...programs, ...source.value.bootstrap.programs({ disk })])].sort(),
      cacheDirs: [KEPT],
    },
  };
}

function problem(
  path: Problem['path'],
  message: string,
  hint?: string,
): { readonly ok: false; readonly problem: Problem } {
  return { ok: false, problem: { path, message, ...(hint === undefined ? {} : { hint }) } };
}

function sourceOf(name: string): { readonly ok: true; readonly value: Source } | ReturnType<typeof problem> {
  const known = Object.keys(SOURCES);
  const value = Object.hasOwn(SOURCES, name) ? SOURCES[name] : undefined;
  if (value) return { ok: true, value };
  const hint = guessHint(name, known, `valid values: ${known.join(', ')}; for others, start from an image`);
  return problem(['system', 'distribution'], `unknown distribution "${name}"`, hint);
}

function systemOf(
  fields: SystemFields,
  { releases, otherReleases, components, without, packageName, fault }: Source,
): { readonly ok: true; readonly value: System } | ReturnType<typeof problem> {
  const { suite: named, mirror, 'security-mirror': securityMirror, keyring, kernel, files } = fields;
  const {
    snapshot,
    lock,
    repositories,
    exclude,
    modules,
    languages,
    'ignore-missing': ignoreMissing,
  } = fields;
  const useless = without.find((name) => Object.hasOwn(fields, name));
  if (useless !== undefined) {
    return problem(['system', useless], `system.${useless} is not for ${fields.distribution}`);
  }
  const wrong = (fields.packages ?? []).findIndex((name) => !packageName.test(name));
  if (wrong >= 0) {
    const message = `system.packages.${wrong} must be the name of a package`;
    return problem(['system', 'packages', wrong], message);
  }
  if (kernel !== undefined && !packageName.test(kernel)) {
    return problem(['system', 'kernel'], 'system.kernel must be the name of a package');
  }
  const release = releases.find(({ suite, version }) => [suite, version].includes(named));
  const suites = releases.map(({ suite }) => suite);
  const isOther = otherReleases?.test(named) === true;
  // Repositories of rpm have all of a release; those of Debian are beside its archive.
  const isListed = otherReleases !== undefined && repositories !== undefined;
  if (!release && !isOther && mirror === undefined && !isListed) {
    const otherwise = `valid values: ${suites.join(', ')}; another one needs "mirror"`;
    const hint = guessHint(named, [...suites, ...releases.map(({ version }) => version)], otherwise);
    return problem(['system', 'suite'], `unknown release "${named}" of ${fields.distribution}`, hint);
  }
  const clean = (path: string) => path.replace(/^(?:\.\/+)+|\/+$/g, '');
  const places = repositoriesOf(repositories ?? [], clean);
  if (!places.ok) return places;
  const system: System = {
    distribution: fields.distribution,
    suite: release?.suite ?? named,
    packages: fields.packages ?? [],
    variant: fields.variant ?? 'minbase',
    recommends: fields.recommends ?? false,
    components: fields.components === undefined ? components : asList(fields.components),
    excludeDocs: fields['exclude-docs'] ?? false,
    ...(mirror === undefined ? {} : { mirror }),
    ...(securityMirror === undefined ? {} : { securityMirror }),
    ...(keyring === undefined ? {} : { keyring: clean(keyring) }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(files === undefined ? {} : { files: clean(files) }),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(lock === undefined ? {} : { lock: clean(lock) }),
    ...(repositories === undefined ? {} : { repositories: places.value }),
    ...(exclude === undefined ? {} : { excludes: exclude }),
    ...(modules === undefined ? {} : { modules }),
    ...(languages === undefined ? {} : { languages }),
    ...(ignoreMissing === undefined ? {} : { ignoreMissing }),
  };
  const found = fault?.(system);
  return found ? problem(['system', found.field], found.message, found.hint) : { ok: true, value: system };
}

type RepositoryFields = NonNullable<SystemFields['repositories']>[number];

/** @param clean normalizes a path of the layer */
function repositoriesOf(
  all: readonly RepositoryFields[],
  clean: (path: string) => string,
): { readonly ok: true; readonly value: readonly Repository[] } | ReturnType<typeof problem> {
  const value: Repository[] = [];
  for (const [index, fields] of all.entries()) {
    const { name, url, metalink, mirrorlist, key, cost, exclude, keep, suites, components } = fields;
    const path = ['system', 'repositories', index];
    const where = `system.repositories.${index}`;
    if (value.some((other) => other.name === name))
      return problem(path, `${where}: the name ${name} is there twice`);
    if ([url, metalink, mirrorlist].filter((one) => one !== undefined).length !== 1) {
      return problem(path, `${where} must have one of url, metalink and mirrorlist`);
    }
    if (keep === true && url?.startsWith('./')) {
      return problem(
        [...path, 'keep'],
        `${where}: a directory of the layer is not in the image, and cannot be kept`,
      );
    }
    const from =
      metalink !== undefined
        ? ({ type: 'metalink', url: metalink } as const)
        : mirrorlist !== undefined
          ? ({ type: 'mirrorlist', url: mirrorlist } as const)
          : undefined;
    value.push({
      name,
      ...(url === undefined ? {} : { url }),
      ...(from === undefined ? {} : { from }),
      ...(suites === undefined ? {} : { suites: asList(suites) }),
      ...(components === undefined ? {} : { components: asList(components) }),
      ...(key === 'none' ? {} : { key: clean(key) }),
      ...(cost === undefined ? {} : { cost: Number(cost) }),
      ...(exclude === undefined ? {} : { excludes: exclude }),
      ...(keep === true ? { keep } : {}),
    });
  }
  return { ok: true, value };
}

function layoutOf(main: DiskFields, { kernel }: System, about: InstallationAbout): DiskLayout {
  const usual: readonly Firmware[] = about.architecture === 'x64' ? ['bios', 'uefi'] : ['uefi'];
  const boot = main.boot ?? (kernel === 'none' ? [] : usual);
  return {
    size: bytes(main.size),
    table: main.table ?? 'gpt',
    boot: typeof boot === 'string' ? [boot] : boot,
    partitions: (main.partitions ?? USUAL_PARTITIONS ?? []).map(wishOf),
    sectorSize: about.sectorSize === 4096 ? 4096 : 512,
  };
}

/** Nothing boots from a further disk. */
function furtherLayout(fields: DisksFields[string], about: InstallationAbout): DiskLayout {
  return {
    size: bytes(fields.size),
    table: fields.table ?? 'gpt',
    boot: [],
    partitions: (fields.partitions ?? []).map(wishOf),
    sectorSize: about.sectorSize === 4096 ? 4096 : 512,
  };
}

/** What two disks have that only one of them can have: a mount, or a volume group. */
function clashOf(
  disks: readonly { readonly name: string; readonly disk: PlannedDisk }[],
): ReturnType<typeof problem> | undefined {
  const seen = new Set<string>(['/']);
  for (const { name, disk } of disks) {
    const targets = contentsOf(disk).flatMap(({ content }) => content.mounts.map(({ target }) => target));
    for (const target of targets) {
      if (name !== MAIN_DISK && seen.has(target)) {
        const message =
          target === '/' ? 'the system is on the disk main' : `two disks have what is mounted at ${target}`;
        return problem(['disks', name, 'partitions'], message);
      }
      seen.add(target);
    }
    for (const group of disk.groups) {
      if (seen.has(group.name)) {
        const message = `two disks have a volume group ${group.name}: a group is on one disk`;
        return problem(['disks', name, 'partitions'], message);
      }
      seen.add(group.name);
    }
  }
  return undefined;
}

type PartitionFields = NonNullable<DiskFields['partitions']>[number];

function wishOf(fields: PartitionFields): PartitionWish {
  const { mount, size, minimum, maximum, filesystem, label, uuid, options, subvolumes } = fields;
  const { volume, 'volume-group': group, passphrase } = fields;
  const [volumeGroup = '', volumeName = ''] = volume?.split('/') ?? [];
  const usual = mount === '/boot/efi' ? 'vfat' : subvolumes ? 'btrfs' : group === undefined ? 'ext4' : 'none';
  return {
    size: size === 'rest' ? size : bytes(size),
    format: filesystem ?? usual,
    ...(volume === undefined ? {} : { volume: { group: volumeGroup, name: volumeName } }),
    ...(group === undefined ? {} : { group }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(mount === undefined ? {} : { mount }),
    ...(minimum === undefined ? {} : { minimum: bytes(minimum) }),
    ...(maximum === undefined ? {} : { maximum: bytes(maximum) }),
    ...(label === undefined ? {} : { label }),
    ...(uuid === undefined ? {} : { uuid }),
    ...(options === undefined ? {} : { options: asList(options) }),
    ...(subvolumes === undefined
      ? {}
      : {
          subvolumes: subvolumes.map(({ name, mount: target, options: own }) => ({
            name,
            ...(target === undefined ? {} : { mount: target }),
            ...(own === undefined ? {} : { options: asList(own) }),
          })),
        }),
  };
}

/** A size that the schema has accepted. */
function bytes(size: string): number {
  return parseSize(size) ?? 0;
}

/** The distribution of a system, as os-release(5) of the image will say. */
export function distributionOfSystem({ distribution, suite }: System): Distribution {
  const version = SOURCES[distribution]?.releases.find((release) => release.suite === suite)?.version;
  const id = SOURCES[distribution]?.id ?? distribution;
  const { like = [] } = namedDistribution(id) ?? {};
  return { id, like, version, codename: suite };
}
