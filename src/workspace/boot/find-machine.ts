// Which disks a machine, an image or a layer boots with.

import { statSync } from 'node:fs';
import path from 'node:path';
import { parseArtifactFile, parseDiskTitle } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { BootDisk, MachineOptions } from '../../model/ports/booter.ts';
import { findLayer } from '../../plan/find-layer.ts';
import { projectGraph } from '../../plan/variants.ts';
import { loadConfig } from '../../project/config/config.ts';
import { namesIn } from '../../util/fs.ts';
import type { Workspace } from '../workspace.ts';

/**
 * What to boot: a machine of vlb.yaml with all that it has, or an image alone. Fails as `usage` when it is not built.
 * @param wanted a machine, an image, a layer, or the path of a file; by default the main image
 */
export async function findMachine(
  wanted: string | undefined,
  workspace: Workspace,
): Promise<Result<MachineOptions>> {
  const { directory } = workspace;
  const config = await loadConfig(directory);
  const machines = config.ok ? config.value.machines : undefined;
  const known = machines?.find((one) => one.machine.name === wanted);
  if (!known) {
    const image = findImage(wanted, directory);
    // A file needs no project, so a wrong vlb.yaml matters only where there is none.
    if (!image.ok) return config.ok ? image : config;
    return ok({ image: image.value, disks: furtherOf(image.value, directory) });
  }
  const { machine } = known;
  const variants = known.params.size > 0 ? await variantsOf(machine.name, workspace) : ok();
  if (!variants.ok) return variants;
  const built = (image: string) => findImage(variants.value?.get(image) ?? image, directory);
  const [system, ...others] = machine.disks;
  const image = built(system.image);
  if (!image.ok) return image;
  const names = new Set(others.map(({ name }) => name));
  const disks: BootDisk[] = [...furtherOf(image.value, directory, names)];
  for (const disk of others) {
    const file = disk.image === undefined ? undefined : built(disk.image);
    if (file?.ok === false) return file;
    disks.push(disk.image === undefined ? { size: disk.size } : { file: file?.value ?? '' });
  }
  return ok({
    image: image.value,
    disks,
    uefi: machine.firmware === 'uefi',
    memoryMiB: Math.ceil(machine.memory / MEBIBYTE),
    cpus: machine.cpus,
    cards: machine.networks,
  });
}

/** The further disks of an image in build/, whose links are beside its own. @param but those whose places others take */
function furtherOf(
  image: string,
  directory: string,
  but: ReadonlySet<string> = new Set(),
): readonly BootDisk[] {
  const { dir, name: title } = path.parse(image);
  if (dir !== path.join(directory, 'build')) return [];
  return namesIn(dir).flatMap((file) => {
    const [name, disk] = parseDiskTitle(path.basename(file, '.qcow2'));
    const isOwn = file.endsWith('.qcow2') && name === title && disk !== undefined && !but.has(disk);
    return isOwn ? [{ file: path.join(dir, file) }] : [];
  });
}

const MEBIBYTE = 1024 ** 2;

/** The layers of the disks of a machine that has parameters, by their images. */
async function variantsOf(
  machine: string,
  workspace: Workspace,
): Promise<Result<ReadonlyMap<string, string> | undefined>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const graph = projectGraph(project.value, new Map());
  return graph.ok ? ok(graph.value.variants.get(machine)) : graph;
}

/** The file to boot: a path, or the name of an image or a layer that is in build/. */
function findImage(wanted: string | undefined, directory: string): Result<string> {
  const build = path.join(directory, 'build');
  if (wanted === undefined) return ok(path.join(build, 'image.qcow2'));
  const file = path.resolve(wanted);
  const isFile = statSync(file, { throwIfNoEntry: false })?.isDirectory() === false;
  if (isFile || wanted.includes('/')) return ok(file);
  const names = linksIn(build);
  const found = findLayer(wanted, names);
  if (found.ok) return ok(path.join(build, `${found.value}.qcow2`));
  return fail('usage', `there is neither a file, an image nor a layer "${wanted}" to boot`, {
    where: { file: build },
    hint:
      names.length === 0 ? 'build something first: vlb build' : (found.failure.hint ?? 'give the whole name'),
  });
}

/** The names in build/ for users: not those of digests. */
function linksIn(build: string): readonly string[] {
  return namesIn(build)
    .filter((name) => /^[^.].*\.qcow2$/.test(name) && !parseArtifactFile(name))
    .map((name) => name.slice(0, -'.qcow2'.length));
}
