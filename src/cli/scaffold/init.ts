// vlb init: creates a new project that builds and boots without changes.

import { statSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, failAt, ok, type Result } from '../../model/failure.ts';
import { makeDirectories } from '../../util/fs.ts';
import { quoteWord } from '../../util/quote.ts';
import { parseSize } from '../../util/units.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT } from '../exit-status.ts';
import { giveCreated, ownerOf } from '../give-back.ts';
import { type Base, conflictsIn, writeStarter } from './starter.ts';

/** Creates the project and prints the files created and the next steps. Fails as `usage` where a project exists already. */
export async function init(raw: Raw<'init'>): Promise<number | Failure> {
  const base = await readBase(raw);
  if (!base.ok) return base.failure;
  // Unlike other commands, not in the project above.
  const directory = path.resolve(raw.C ?? '.', raw.dir ?? '.');
  const stat = statSync(directory, { throwIfNoEntry: false });
  if (stat && !stat.isDirectory()) {
    return fail('usage', 'a file of this name exists', { where: { file: directory } }).failure;
  }
  const taken = stat ? conflictsIn(directory, base.value) : [];
  if (taken.length > 0) {
    return fail('usage', 'this directory contains a project, or files of one', {
      where: { file: directory },
      detail: taken,
      hint: 'use another directory: vlb init DIR, or add a layer to this project: vlb new-layer NAME',
    }).failure;
  }
  try {
    const owner = ownerOf(directory);
    makeDirectories(directory);
    const made = writeStarter(directory, base.value);
    giveCreated(owner, directory, made);
    const shown = made.map((name) => fromHere(path.join(directory, name)));
    process.stdout.write(`${shown.join('\n')}\n`);
  } catch (error) {
    return failAt(directory, 'cannot create the project', error).failure;
  }
  process.stderr.write(nextText(base.value, fromHere(directory)));
  return EXIT.ok;
}

async function readBase(raw: Raw<'init'>): Promise<Result<Base>> {
  const { base, url, sha256, release, size, layout, builder } = raw;
  if (base !== 'debian' && (release ?? size ?? layout ?? builder) !== undefined) {
    return fail('usage', '--release, --size, --layout and --builder require --base debian');
  }
  if (base !== 'cloud') {
    if (url !== undefined || sha256 !== undefined) {
      return fail('usage', '--url and --sha256 require --base cloud');
    }
    return base === 'debian' ? readDebian(raw) : ok(base);
  }
  if (url === undefined || sha256 === undefined) {
    return fail('usage', '--base cloud requires --url and --sha256', {
      hint: 'vlb init --base cloud --url URL --sha256 HEX; if only other checksums are published, verify those and run sha256sum',
    });
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    return fail('usage', `--url must be an http or https URL, not "${url}"`);
  }
  if (!/^[0-9a-f]{64}$/i.test(sha256)) return fail('usage', '--sha256 must be 64 hexadecimal digits');
  return ok({ url, sha256: sha256.toLowerCase() });
}

async function readDebian({
  release = 'bookworm',
  builder = false,
  size = builder ? '20G' : '4G',
  layout = 'plain',
}: Raw<'init'>): Promise<Result<Base>> {
  if (process.arch !== 'x64') {
    return fail('host', `vlb init can build Debian from packages only on amd64, not on ${process.arch}`, {
      hint: 'start from an image: vlb init --base cloud --url URL --sha256 HEX',
    });
  }
  const { releaseNamed } = await import('../../project/steps/system.ts');
  const suite = releaseNamed('debian', release);
  if (!suite.ok) return suite;
  if (!/[KMGT]/i.test(size) || parseSize(size) === undefined) {
    return fail('usage', `--size must be a size with a unit, like 20G, not "${size}"`);
  }
  return ok({ suite: suite.value, size, layout, builder });
}

/** The guest agent answers before all services are up; `systemctl start` waits until this one is. */
const ASK_SERVER = 'systemctl start nginx; curl -fsS localhost';

/** The page of a builder: the port is the same here and there, as the server compares it. */
const TRY_BUILDER = 'vlb test-boot --memory 2G --forward 8443:8443';

/** Relative to the working directory, unless that path would begin with `..`. */
function fromHere(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}

/** The commands to run next, and what each is for. */
function nextText(base: Base, directory: string): string {
  const boots = base !== 'scratch';
  const isDebian = typeof base !== 'string' && 'suite' in base;
  const isBuilder = isDebian && base.builder;
  const steps = [
    ...(directory === '' ? [] : [[`cd ${quoteWord(directory)}`, '']]),
    ['vlb doctor', 'check this machine for requirements'],
    ['vlb build', isDebian ? 'the first build downloads the packages of Debian' : ''],
    ...(isBuilder
      ? [[TRY_BUILDER, 'its console prints the address to open, with 127.0.0.1 for the host']]
      : []),
    ...(isDebian && !isBuilder
      ? [[`vlb test-boot --run '${ASK_SERVER}'`, 'check that its web server answers']]
      : []),
    boots
      ? ['vlb test-boot', 'log in as root, without a password; ^a x exits']
      : ['vlb new-layer NAME', 'when layers/10_base installs a system'],
  ] as const;
  const width = Math.max(...steps.map(([command]) => command.length));
  const lines = steps.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`.trimEnd());
  return `next:\n${lines.join('\n')}\n`;
}
