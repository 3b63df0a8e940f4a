// vlb init: makes a new project that builds and boots as it stands.

import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { systemError } from '../../util/errors.ts';
import { quoteWord } from '../../util/quote.ts';
import { EXIT } from '../exit-status.ts';
import type { GlobalOptions } from '../options.ts';
import { type Base, inTheWay, writeStarter } from './starter.ts';

export interface InitOptions extends GlobalOptions {
  /** Absolute path of where the project is to be. */
  readonly place: string;
  readonly base: 'debian' | 'cloud' | 'scratch';
  readonly url: string | undefined;
  readonly sha256: string | undefined;
}

/** Makes the project, prints what it made, and says what comes next. Fails as `usage` when something is in the way. */
export async function init(options: InitOptions): Promise<number | Failure> {
  const base = readBase(options);
  if (!base.ok) return base.failure;
  const directory = options.place;
  const stat = statSync(directory, { throwIfNoEntry: false });
  if (stat && !stat.isDirectory()) {
    return fail('usage', 'there is a file of that name', { where: { file: directory } }).failure;
  }
  const taken = stat ? inTheWay(directory, base.value) : [];
  if (taken.length > 0) {
    return fail('usage', 'there is a project here, or what would be taken for one', {
      where: { file: directory },
      detail: taken,
      hint: 'make it elsewhere: vlb init DIR; or add a layer to this one: vlb new-layer NAME',
    }).failure;
  }
  try {
    mkdirSync(directory, { recursive: true });
    const made = writeStarter(directory, base.value);
    const shown = made.map((name) => fromHere(path.join(directory, name)));
    process.stdout.write(`${shown.join('\n')}\n`);
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `the project cannot be made: ${message}`, { where: { file: directory } }).failure;
  }
  process.stderr.write(nextText(base.value, fromHere(directory)));
  return EXIT.ok;
}

function readBase({ base, url, sha256 }: InitOptions): Result<Base> {
  if (base !== 'cloud') {
    if (url !== undefined || sha256 !== undefined) {
      return fail('usage', '--url and --sha256 belong to --base cloud');
    }
    if (base === 'debian' && process.arch !== 'x64') {
      return fail(
        'host',
        `the Debian that vlb init makes from packages is for amd64, not for ${process.arch}`,
        {
          hint: 'start from an image: vlb init --base cloud --url URL --sha256 HEX',
        },
      );
    }
    return ok(base);
  }
  if (url === undefined || sha256 === undefined) {
    return fail('usage', '--base cloud wants the address of an image and the sha256 of its file', {
      hint: 'vlb init --base cloud --url URL --sha256 HEX; where only other checksums are published, check those and run sha256sum',
    });
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    return fail('usage', `--url wants an http or https address, not "${url}"`);
  }
  if (!/^[0-9a-f]{64}$/i.test(sha256)) return fail('usage', '--sha256 wants 64 hexadecimal digits');
  return ok({ url, sha256: sha256.toLowerCase() });
}

/** The guest's agent answers before all its services do; to start one again is to wait for it. */
const ASK_SERVER = 'systemctl start nginx; curl -fsS localhost';

/** As short as it can be told without climbing. */
function fromHere(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}

/** The commands to type next, and what for. */
function nextText(base: Base, directory: string): string {
  const boots = base !== 'scratch';
  const steps = [
    ...(directory === '' ? [] : [[`cd ${quoteWord(directory)}`, '']]),
    ['vlb doctor', 'does this machine have what builds need?'],
    ['vlb build', base === 'debian' ? "the first time it fetches Debian's packages" : ''],
    ...(base === 'debian' ? [[`vlb test-boot --run '${ASK_SERVER}'`, 'does its web server answer?']] : []),
    boots
      ? ['vlb test-boot', 'log in as root, with no password; ^a x leaves']
      : ['vlb new-layer NAME', 'once layers/10_base puts a system on the disk'],
  ] as const;
  const width = Math.max(...steps.map(([command]) => command.length));
  const lines = steps.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`.trimEnd());
  return `next:\n${lines.join('\n')}\n`;
}
