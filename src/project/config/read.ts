// Reads vlb.yaml and what it includes: validates it by the schema, and locates each error at its line. Loaded only if
// the file exists, since the YAML parser is the largest module of all.

import path from 'node:path';
import type { BaseIssue } from 'valibot';
import { safeParse } from 'valibot';
import { fail, ok, type Result } from '../../model/failure.ts';
import { GUEST_CPUS, GUEST_MEMORY_MIB } from '../../model/ports/guest.ts';
import type { BackendChoice, BackendName } from '../../model/ports/machine.ts';
import type { SharedCacheConfig } from '../../model/ports/shared-cache.ts';
import type { CacheLimits } from '../../model/ports/store-upkeep.ts';
import type {
  Base,
  ChecksumList,
  Digests,
  Growth,
  ImageCheck,
  Installer,
  NamedImage,
  TemplateSource,
} from '../../model/project.ts';
import { isObject } from '../../util/json.ts';
import { withoutPassword } from '../../util/shown-path.ts';
import { parseDuration, parseSize } from '../../util/units.ts';
import { isUnknownField, isUrl, paramsIn } from './fields.ts';
import { type ConfigPart, type FieldPath, mergeParts, readParts } from './include.ts';
import { parseMaxAge, parseMaxSize } from './limits.ts';
import { machinesOf, type NamedMachine } from './machines.ts';
import { trusts } from './schema/sources.ts';
import { CONFIG_SCHEMA, type ConfigFile } from './schema.ts';

export interface Config {
  readonly base?: Base;
  readonly images?: readonly NamedImage[];
  readonly machines?: readonly NamedMachine[];
  /** Repositories of templates. */
  readonly sources?: readonly TemplateSource[];
  readonly cache?: Partial<CacheLimits>;
  readonly shared?: SharedCacheConfig;
  readonly backend?: BackendName;
  readonly vm?: NonNullable<BackendChoice['vm']>;
  /** Absolute paths of the files that vlb.yaml includes, if any. */
  readonly included?: readonly string[];
}

const MEBIBYTE = 1024 * 1024;

/** valibot skips these keys in mappings with arbitrary names. */
const SKIPPED_KEYS = ['__proto__', 'prototype', 'constructor'];

interface Problem {
  readonly path: FieldPath;
  readonly message: string;
  readonly isUnknownField: boolean;
}

/**
 * The configuration in a file and in those that it includes. Fails as `usage` with file, line and field.
 * @param file vlb.yaml; relative paths in it and in the others are relative to its directory
 */
export function readConfig(file: string): Result<Config> {
  const seen = new Set<string>();
  const read = readParts(file, seen);
  if (!read.ok) return read;
  const [main, ...included] = read.value;
  if (main === undefined) return ok({});
  const reserved = read.value.flatMap(reservedName)[0];
  if (reserved) return reserved;
  const merged = mergeParts([main, ...included]);
  if (!merged.ok) return merged;
  const { value, partOf } = merged.value;
  const files = included.length === 0 ? {} : { included: included.map((part) => part.file) };
  if (value === null) return ok(files);
  const parsed = safeParse(CONFIG_SCHEMA, value);
  if (parsed.success) {
    const config = configOf(parsed.output, path.dirname(file), (path) => partOf(path).whereOf(path));
    return config.ok ? ok({ ...config.value, ...files }) : config;
  }
  const problems = parsed.issues.flatMap((issue) => problemsOf(issue, []));
  // A misspelled name is often the cause of the other problems.
  const problem = problems.find((one) => one.isUnknownField) ?? problems[0];
  if (problem === undefined) return ok({});
  const name = problem.path.filter((part) => typeof part === 'string').join('.');
  const message = problem.isUnknownField || name === '' ? problem.message : `${name} ${problem.message}`;
  const part = partOf(problem.path);
  return fail('usage', `${part.name}: ${message}`, { where: part.whereOf(problem.path) });
}

/** The files that a configuration is read from, also where one of them is wrong or missing. */
export function filesOf(file: string): readonly string[] {
  const seen = new Set<string>();
  readParts(file, seen);
  return [...seen];
}

/** The failure for a name that the schema would not see. */
function reservedName({ name, value, whereOf }: ConfigPart) {
  for (const mapping of ['images', 'machines', 'sources']) {
    const entries = isObject(value) ? value[mapping] : undefined;
    const reserved = SKIPPED_KEYS.find((key) => isObject(entries) && Object.hasOwn(entries, key));
    if (reserved === undefined) continue;
    const message = `${name}: ${mapping}.${reserved} is a reserved name: choose another`;
    return [fail('usage', message, { where: whereOf([mapping, reserved]) })];
  }
  return [];
}

/** The problems of an issue; if the value is of one kind of a union, those that it has as such. */
function problemsOf(issue: BaseIssue<unknown>, above: FieldPath): readonly Problem[] {
  const own = issue.path?.map(({ key }) => (typeof key === 'number' ? key : String(key))) ?? [];
  const place = [...above, ...own];
  const inner = (issue.issues ?? []).filter((one) => one.path !== undefined);
  if (inner.length > 0) return inner.flatMap((one) => problemsOf(one, place));
  return [{ path: place, message: issue.message, isUnknownField: isUnknownField(issue) }];
}

function configOf(
  { base, images, machines, sources, cache, backend, vm }: ConfigFile,
  directory: string,
  whereOf: (path: FieldPath) => NamedImage['where'],
): Result<Config> {
  const named = sourcesOf(sources ?? {}, directory);
  const read =
    base === undefined ? ok(undefined) : baseOf(base, directory, named, () => whereOf(['base', 'source']));
  if (!read.ok) return read;
  return ok({
    ...(read.value === undefined ? {} : { base: read.value }),
    ...(named.length === 0 ? {} : { sources: named }),
    ...(images === undefined
      ? {}
      : {
          images: Object.entries(images).map(([name, image]) => ({
            name,
            ...imageOf(image, (path) => whereOf(['images', name, ...path])),
            where: whereOf(['images', name]),
          })),
        }),
    ...(machines === undefined
      ? {}
      : { machines: machinesOf(machines, (path) => whereOf(['machines', ...path])) }),
    ...(cache === undefined ? {} : { cache: limitsOf(cache) }),
    ...(backend === undefined ? {} : { backend }),
    ...(vm === undefined ? {} : { vm: vmOf(vm) }),
    ...(cache?.s3 === undefined ? {} : { shared: sharedOf(cache.s3, cache['trusted-keys'] ?? []) }),
  });
}

function imageOf(
  image: NonNullable<ConfigFile['images']>[string],
  whereOf: (path: FieldPath) => NamedImage['where'],
): Pick<NamedImage, 'layer' | 'params' | 'checks'> {
  if (typeof image === 'string') return { layer: image, params: new Map() };
  const checks = image.checks?.map((check, index) => checkOf(check, whereOf(['checks', index])));
  return {
    layer: image.layer,
    params: paramsIn(image.params),
    ...(checks === undefined ? {} : { checks }),
  };
}

type CheckFields = NonNullable<Exclude<NonNullable<ConfigFile['images']>[string], string>['checks']>[number];

function checkOf(check: CheckFields, where: ImageCheck['where']): ImageCheck {
  if (typeof check === 'string') return { run: check, where };
  const { run, memory, cpus, firmware, timeout } = check;
  const [bytes, seconds] = [parseSize(memory ?? ''), parseDuration(timeout ?? '')];
  return {
    run,
    ...(bytes === undefined ? {} : { memory: bytes }),
    ...(cpus === undefined ? {} : { cpus: Number(cpus) }),
    ...(firmware === 'uefi' ? { uefi: true } : {}),
    ...(seconds === undefined ? {} : { timeout: seconds }),
    where,
  };
}

/** Fails as `usage` where it says again whose templates those of a named source are. */
function baseOf(
  given: NonNullable<ConfigFile['base']>,
  directory: string,
  sources: readonly TemplateSource[],
  where: () => NamedImage['where'],
): Result<Base> {
  const fields: BaseFields = typeof given === 'string' ? { path: given } : given;
  const { template, source, installer } = fields;
  if (installer !== undefined) return ok({ type: 'installer', ...installerOf(fields, installer, directory) });
  if (template === undefined || source === undefined) return ok(imageBaseOf(fields, directory));
  const named = sources.find(({ name }) => name === source);
  if (named && trusts(fields) > 0) {
    return fail('usage', `vlb.yaml: base.source is ${source}, whose keys are in sources.${source}`, {
      where: where(),
    });
  }
  const shown = isUrl(source) ? withoutPassword(source) : source;
  const of = named ?? templateSourceOf(shown, { ...fields, index: source }, directory);
  return ok({ type: 'template', template, source: of, ...growthOf(fields) });
}

type InstallerFields = NonNullable<BaseFields['installer']>;

function installerOf({ answers, size }: BaseFields, given: InstallerFields, directory: string): Installer {
  const { kernel, initrd, iso, memory, cpus, network, timeout } = given;
  const placed = (name: 'kernel' | 'initrd' | 'iso') => {
    const place = given[name] ?? '';
    const sha256 = given[`${name}-sha256`]?.toLowerCase();
    return { place: isUrl(place) ? place : path.resolve(directory, place), ...(sha256 && { sha256 }) };
  };
  return {
    from:
      iso === undefined
        ? { type: 'files', kernel: placed('kernel'), initrd: placed('initrd') }
        : { type: 'disc', disc: placed('iso'), ...(kernel && { kernel }), ...(initrd && { initrd }) },
    ...(answers === undefined ? {} : { answers: path.resolve(directory, answers) }),
    kernelArguments: given.arguments ?? '',
    size: parseSize(size ?? '') ?? 0,
    memory: memory === undefined ? GUEST_MEMORY_MIB : Math.ceil((parseSize(memory) ?? 0) / 2 ** 20),
    cpus: cpus === undefined ? GUEST_CPUS : Number(cpus),
    hasNetwork: network !== 'none',
    timeout: parseDuration(timeout ?? INSTALLER_TIMEOUT) ?? 0,
  };
}

/** Emulated, an installer takes an hour. */
const INSTALLER_TIMEOUT = '2h';

function sourcesOf(given: NonNullable<ConfigFile['sources']>, directory: string): readonly TemplateSource[] {
  return Object.entries(given).map(([name, source]) =>
    templateSourceOf(name, typeof source === 'string' ? { index: source } : source, directory),
  );
}

function templateSourceOf(
  name: string,
  { index, keyring, fingerprint, ...fields }: Extract<NonNullable<ConfigFile['sources']>[string], object>,
  directory: string,
): TemplateSource {
  const trust = (): TemplateSource['trust'] => {
    if (keyring !== undefined) return { type: 'keyring', keyring: path.resolve(directory, keyring) };
    if (fingerprint !== undefined) {
      return { type: 'fingerprint', fingerprint: fingerprint.replaceAll(' ', '').toUpperCase() };
    }
    return { type: fields['checksums-only'] === undefined ? 'local' : 'checksums-only' };
  };
  return { name, index: isUrl(index) ? index : path.resolve(directory, index), trust: trust() };
}

function imageBaseOf(fields: BaseFields, directory: string): Base {
  const url = fields.url ?? (isUrl(fields.path ?? '') ? fields.path : undefined);
  const about = { ...digestsOf(fields), ...checksumsOf(fields, directory), ...growthOf(fields) };
  if (url !== undefined) return { type: 'url', url, ...about };
  return { type: 'file', path: path.resolve(directory, fields.path ?? ''), ...about };
}

type BaseFields = Exclude<NonNullable<ConfigFile['base']>, string>;

function digestsOf({ sha256, sha512 }: BaseFields): Digests {
  return {
    ...(sha256 === undefined ? {} : { sha256: sha256.toLowerCase() }),
    ...(sha512 === undefined ? {} : { sha512: sha512.toLowerCase() }),
  };
}

function checksumsOf(
  { checksums, signature, keyring }: BaseFields,
  directory: string,
): { checksums?: ChecksumList } {
  if (checksums === undefined) return {};
  const placeOf = (text: string) => (isUrl(text) ? text : path.resolve(directory, text));
  return {
    checksums: {
      source: placeOf(checksums),
      ...(signature === undefined ? {} : { signature: placeOf(signature) }),
      ...(keyring === undefined ? {} : { keyring: placeOf(keyring) }),
    },
  };
}

function growthOf({ size, expand }: BaseFields): { growth?: Growth } {
  const bytes = parseSize(size ?? '');
  if (bytes === undefined) return {};
  return { growth: { size: bytes, ...(expand === undefined ? {} : { expand: Number(expand) }) } };
}

function vmOf({ memory, cpus }: NonNullable<ConfigFile['vm']>): NonNullable<Config['vm']> {
  const bytes = parseSize(memory ?? '');
  return {
    ...(bytes === undefined ? {} : { memoryMiB: Math.ceil(bytes / MEBIBYTE) }),
    ...(cpus === undefined ? {} : { cpus: Number(cpus) }),
  };
}

type CacheFields = NonNullable<ConfigFile['cache']>;

function limitsOf(cache: CacheFields): Partial<CacheLimits> {
  const size = parseMaxSize(String(cache['max-size']));
  const age = parseMaxAge(String(cache['max-age']));
  return { ...(size ? { maxBytes: size.value } : {}), ...(age ? { maxAge: age.value } : {}) };
}

/** A server that is not Amazon's gets path-style URLs by default. */
function sharedOf(s3: NonNullable<CacheFields['s3']>, trustedKeys: readonly string[]): SharedCacheConfig {
  const { bucket, prefix = '', endpoint, region } = s3;
  const pathStyle = String(s3['path-style'] ?? endpoint !== undefined) === 'true';
  return { bucket: { bucket, prefix, endpoint, region, pathStyle }, trustedKeys };
}
