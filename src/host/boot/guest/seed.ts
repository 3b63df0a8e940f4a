// NoCloud seeds: the small disk from which cloud-init in a guest reads its configuration.

import { copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, failAt, ok, type Result } from '../../../model/failure.ts';
import { SEED_DIRECTORY } from '../../../model/ports/booter.ts';
import { run } from '../../process/run.ts';

/** What cloud-init's NoCloud data source reads; each may also be called NAME.yaml. */
const SEED_FILES = ['user-data', 'meta-data', 'vendor-data', 'network-config'] as const;
type SeedFile = (typeof SEED_FILES)[number];

/** cloud-init looks for this label in either case; a volume id of ISO 9660 has capitals only. */
const VOLUME_ID = 'CIDATA';

/** The data source ignores seeds without an instance-id. */
const MINIMAL_META_DATA = 'instance-id: vlb-test-boot\n';

/** A project's own seed directory, `test-boot`, if it has a user-data. */
export function findDefaultSeed(project: string): string | undefined {
  const directory = path.join(project, SEED_DIRECTORY);
  return candidates(directory, 'user-data').length > 0 ? directory : undefined;
}

/**
 * Makes a seed as an ISO 9660 file.
 * @param directory has a user-data, and optionally meta-data, vendor-data, network-config, each with or without `.yaml`;
 *   a missing meta-data is generated
 * @param scratch where the ISO and its contents are written
 * @returns the path of the ISO
 * Fails as `usage` without a user-data or with two files of one kind, and as `host` without xorriso.
 */
export async function makeSeed(
  directory: string,
  scratch: string,
  signal: AbortSignal,
): Promise<Result<string>> {
  const found = findSeedFiles(directory);
  if (!found.ok) return found;
  const tree = path.join(scratch, 'seed');
  const iso = path.join(scratch, 'seed.iso');
  try {
    mkdirSync(tree);
    for (const [name, source] of found.value) copyFileSync(source, path.join(tree, name));
    if (!found.value.has('meta-data')) writeFileSync(path.join(tree, 'meta-data'), MINIMAL_META_DATA);
  } catch (error) {
    return failAt(directory, 'cannot copy the seed', error);
  }
  // Joliet and Rock Ridge: each of them preserves lower case and dashes in the names.
  const names = ['-joliet', '-rational-rock'];
  const made = await run(
    'xorriso',
    ['-as', 'mkisofs', '-quiet', '-volid', VOLUME_ID, ...names, '-output', iso, tree],
    {
      signal,
    },
  );
  return made.ok ? ok(iso) : made;
}

function findSeedFiles(directory: string): Result<Map<SeedFile, string>> {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    return fail('usage', 'no such seed directory', { where: { file: directory } });
  }
  const found = new Map<SeedFile, string>();
  for (const name of SEED_FILES) {
    const [file, another] = candidates(directory, name);
    if (another !== undefined) {
      return fail('usage', `the seed has both ${name} and ${name}.yaml`, {
        where: { file: directory },
        hint: 'remove one of them',
      });
    }
    if (file !== undefined) found.set(name, file);
  }
  if (found.has('user-data')) return ok(found);
  return fail('usage', 'the seed has no user-data', {
    where: { file: directory },
    hint: 'add a file user-data or user-data.yaml whose first line is #cloud-config',
  });
}

function candidates(directory: string, name: SeedFile): string[] {
  return [name, `${name}.yaml`].map((file) => path.join(directory, file)).filter((file) => existsSync(file));
}
