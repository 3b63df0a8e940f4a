// A base that the installer of a distribution makes, unattended, on an empty disk.

import { mkdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { BuildRecord } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { InstallerFiles } from '../../model/ports/guest.ts';
import type { Draft } from '../../model/ports/store.ts';
import type { Installer, PlacedFile } from '../../model/project.ts';
import { keyOf, recipeText, SCHEMA, type Setting } from '../../model/recipe.ts';
import { LARGEST_TEXT, readFile } from '../../project/inputs/read-file.ts';
import { systemError } from '../../util/errors.ts';
import type { BaseInputs, BaseKind, BaseRun } from '../kind.ts';
import { hashOf } from './file.ts';
import { isRemote, shownPlace } from './place.ts';
import { progressEmitter } from './url.ts';

/** One of the files that an installer consists of. */
interface Part extends PlacedFile {
  readonly name: 'kernel' | 'initrd' | 'iso' | 'answers';
}

/** The kind of a base that an installer makes: its key is computed from the digests of all that goes into it. */
export function installerBase(installer: Installer): BaseKind {
  const parts = partsOf(installer);
  return {
    files: parts.map(({ place }) => place).filter((place) => !isRemote(place)),
    isListed: false,
    recipe: async (inputs) => {
      const settings: Setting[] = [];
      for (const part of parts) {
        const content = await contentOf(part, inputs);
        if (!content.ok) return content;
        settings.push({ name: 'installer', of: part.name, value: content.value });
      }
      return ok(recipeOf(installer, settings));
    },
    import: (run) => importInstalled(installer, parts, run),
  };
}

function partsOf({ from, answers }: Installer): readonly Part[] {
  const own =
    from.type === 'disc'
      ? [{ name: 'iso', ...from.disc } as const]
      : [{ name: 'kernel', ...from.kernel } as const, { name: 'initrd', ...from.initrd } as const];
  return [...own, ...(answers === undefined ? [] : [{ name: 'answers', place: answers } as const])];
}

async function contentOf({ name, place, sha256 }: Part, inputs: BaseInputs): Promise<Result<string>> {
  if (isRemote(place)) return ok(`sha256:${sha256 ?? ''}`);
  const own = { ...inputs, name: `${name} of ${inputs.name}` };
  const hash = await hashOf(place, own, textOf(name));
  return hash.ok ? ok(`xxh64:${hash.value} sha256:${sha256 ?? '-'}`) : hash;
}

function textOf(name: Part['name']): string {
  return name === 'answers' ? 'the file with the answers' : `the installer's ${name}`;
}

function recipeOf(installer: Installer, content: readonly Setting[]): string {
  const { from, answers, kernelArguments, size, memory, cpus, hasNetwork } = installer;
  const paths = from.type === 'disc' ? [from.kernel, from.initrd] : [];
  const settings = [
    ...content,
    ...paths.flatMap((place) => (place === undefined ? [] : [{ name: 'path', of: place, value: 'iso' }])),
    // It says for which installer they are.
    ...(answers === undefined ? [] : [{ name: 'answers', value: JSON.stringify(path.basename(answers)) }]),
    { name: 'arguments', value: JSON.stringify(kernelArguments) },
    { name: 'size', value: String(size) },
    // An installer may choose sizes of partitions by these.
    { name: 'memory', value: String(memory) },
    { name: 'cpus', value: String(cpus) },
    { name: 'network', value: hasNetwork ? 'host' : 'none' },
  ];
  return recipeText({ schema: SCHEMA, kind: 'base', mounts: [], settings, manifest: '' });
}

async function importInstalled(
  installer: Installer,
  parts: readonly Part[],
  run: BaseRun,
): Promise<Result<BuildRecord>> {
  const { name, recipe, host, store, signal } = run;
  const able = await host.checkGuests();
  if (!able.ok) return able;
  const startedAt = performance.now();
  const drafted = await store.draft();
  if (!drafted.ok) return drafted;
  await using draft = drafted.value;
  const directory = `${draft.path}.installer`;
  try {
    mkdirSync(directory);
    const files = await fetchParts(installer, parts, directory, run);
    if (!files.ok) return { ok: false, failure: run.explain(files.failure) };
    const installed = await install(installer, files.value, draft, directory, run);
    if (signal.aborted) return fail('interrupted', 'the installer was interrupted');
    if (!installed.ok) return { ok: false, failure: run.explain(installed.failure) };
    const about = { key: keyOf(recipe), layer: name, parent: null, recipe, keeping: 'cached' } as const;
    return await draft.commit({ ...about, startedAt, signal });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Private copies of the files of the installer, by their names, as the recipe has them. */
async function fetchParts(
  installer: Installer,
  parts: readonly Part[],
  directory: string,
  run: BaseRun,
): Promise<Result<ReadonlyMap<Part['name'], string>>> {
  const { DownloadError, download } = await import('./download.ts');
  const { fetchTo } = await import('./image.ts');
  const { host, signal, environment } = run;
  const files = new Map<Part['name'], string>();
  const settings: Setting[] = [];
  for (const { name, place, sha256 } of parts) {
    const what = textOf(name);
    const file = path.join(directory, name);
    const variables = environment.variables;
    const open = async () =>
      isRemote(place)
        ? download(place, { signal, variables, what, onProgress: progressEmitter(run) })
        : ok(await host.images.read(place, signal));
    const digests = sha256 === undefined ? {} : { sha256 };
    const source = { place: shownPlace(place), what, field: `base.installer.${name}`, digests, open };
    try {
      const hash = await fetchTo(source, file, run);
      if (!hash.ok) return hash;
      const value = isRemote(place) ? `sha256:${sha256}` : `xxh64:${hash.value} sha256:${sha256 ?? '-'}`;
      settings.push({ name: 'installer', of: name, value });
    } catch (error) {
      if (signal.aborted) return fail('interrupted', 'the installer was interrupted');
      if (error instanceof DownloadError) return { ok: false, failure: error.failure };
      return fail('host', `cannot read ${what}: ${systemError(error).message}`, {
        where: { file: shownPlace(place) },
      });
    }
    files.set(name, file);
  }
  if (recipeOf(installer, settings) === run.recipe) return ok(files);
  return fail('usage', 'a file of the installer was changed while the build began', { hint: 'build again' });
}

async function install(
  installer: Installer,
  files: ReadonlyMap<Part['name'], string>,
  draft: Draft,
  directory: string,
  run: BaseRun,
): Promise<Result<void>> {
  const { name, host, signal, emit } = run;
  const { from, size, memory, cpus, hasNetwork, timeout, kernelArguments } = installer;
  const fileOf = (part: Part['name']) => files.get(part) ?? '';
  const answers = answersIn(installer, fileOf('answers'));
  if (!answers.ok) return answers;
  const { images } = host;
  const created = await images.create(draft.path, { size });
  if (!created.ok) return created;
  const empty = statSync(draft.path).size;
  await using guest = await host.openGuest(path.join(directory, 'guest'));
  const kill = () => guest.kill();
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const { kernel, initrd } = from.type === 'disc' ? from : {};
  const medium: InstallerFiles =
    from.type === 'files'
      ? { type: 'files', kernel: fileOf('kernel'), initrd: fileOf('initrd') }
      : { type: 'disc', disc: fileOf('iso'), ...(kernel && { kernel }), ...(initrd && { initrd }) };
  const machine = { disk: draft.path, memory, cpus, hasNetwork, timeout };
  try {
    const installed = await guest.install({
      ...machine,
      from: medium,
      answers: answers.value,
      kernelArguments,
      onProgress: (line) => emit({ type: 'output', layer: name, line: `[installer] ${line}` }),
    });
    if (!installed.ok) return installed;
  } finally {
    signal.removeEventListener('abort', kill);
  }
  if (statSync(draft.path).size > empty) return ok();
  return fail('work', 'the installer powered off, and left the disk empty', {
    hint: `its console may say why: vlb build --progress plain`,
  });
}

/** The answers under the name that they have in the project. */
function answersIn({ answers }: Installer, copy: string) {
  if (answers === undefined) return ok(undefined);
  const content = readFile(copy, { what: textOf('answers'), atMost: LARGEST_TEXT });
  return content.ok ? ok({ name: path.basename(answers), content: content.value }) : content;
}
