// The language of what users and developers read: words that CONTRIBUTING.md excludes, spelling, and references that lead
// somewhere. A word that is right in one place is an entry of EXCEPTIONS.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../rig/project.ts';

const PLACES = [
  'src',
  'docs',
  'bin',
  'bench',
  'layers',
  'templates',
  'test-boot',
  '.ci',
  '.github',
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'RELEASING.md',
  'SECURITY.md',
];

/** Paths whose language is not checked yet. The list only gets shorter. */
const NOT_YET: readonly string[] = [];

/** What is excluded, and what to write instead. */
const WORDS: readonly (readonly [words: RegExp, instead: string])[] = [
  [/\b(told|tells?|telling)\b/i, 'report, print, show, say'],
  [/\b(stands? on|standing on|stood on)\b/i, 'depends on, is based on'],
  [/\banew\b/i, 'again; re…'],
  [/\bbesides\b/i, 'also, except'],
  [/\bfor want of\b/i, 'missing, for lack of'],
  [/\bto be had\b/i, 'available'],
  [/\b(it|this|that|which) is none\b|\bis none of\b/i, 'is not one'],
  [/(?<!\bthere )\bis no (?!longer|more|other)\w/i, 'is not a valid …'],
  [/\b(person|people|somebody)\b/i, 'user, or someone if nothing else fits'],
  [/\bleave away\b/i, 'omit'],
  [/\bcalled off\b/i, 'cancelled'],
  [/\bof use\b/i, 'useful'],
  [/\b(whoever|who needs)\b/i, 'the process that …, the user who …'],
  [/\blooks? whether\b/i, 'check whether'],
  [/\bwants an?\b/i, 'requires a, must be'],
  [/\bsuch an?\b/i, 'a … of this kind, that …'],
  [/\bin the way\b/i, 'what it conflicts with'],
  [/\bmeanwhile\b/i, 'in the meantime, or nothing'],
  [/\bby itself\b/i, 'alone, automatically'],
  [/\bleft alone\b/i, 'not used, ignored'],
  [/\bgo(es)? on\b/i, 'continue'],
  [/\bmade so\b/i, 'the reason itself'],
];

/** Part of a path, and words that are right there. */
const EXCEPTIONS: readonly (readonly [file: string, words: RegExp])[] = [
  ['CONTRIBUTING.md', /"Depends on" for the graph/],
  ['10_base/modify-disk', /--no-tell-kernel/g],
  ['agent/devices.sh', /--no-tell-kernel/g],
  ['system/script.ts', /--no-tell-kernel/g],
  ['', /\btells? [\w ]*apart\b|\btold apart\b/g],
];

test('no excluded word is in what users and developers read', () => {
  const found = filesOf(PLACES).flatMap((file) =>
    linesOf(file).flatMap((line, index) => {
      const rest = EXCEPTIONS.filter(([place]) => file.includes(place)).reduce(
        (text, [, words]) => text.replace(words, ''),
        line,
      );
      return WORDS.flatMap(([words, instead]) => {
        const match = words.exec(rest);
        return match ? [`${file}:${index + 1}: "${match[0]}" (better: ${instead})`] : [];
      });
    }),
  );
  assert.deepEqual(found, []);
});

test('the spelling is American, and without common mistakes', (t) => {
  const { error, status, stdout } = spawnSync('codespell', filesOf([...PLACES, 'test']), {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  if (error && !process.env['CI']) return t.skip('codespell is not installed: bin/setup --for test');
  assert.deepEqual([error?.message, status, stdout], [undefined, 0, '']);
});

test('the documents refer to files and sections that exist', () => {
  const broken = filesOf(PLACES.filter((place) => place === 'docs' || place.endsWith('.md')))
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => {
      const text = readFileSync(path.join(REPOSITORY, file), 'utf8');
      return [
        ...[...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].flatMap(([, link = '']) =>
          leadsSomewhere(file, link) ? [] : [`${file}: ${link}`],
        ),
        ...[...text.matchAll(/(?<![\w/.-])(?:src|test|bin|bench)\/[\w/.-]*\.(?:ts|sh|mjs)\b/g)].flatMap(
          ([name]) => (existsSync(path.join(REPOSITORY, name)) ? [] : [`${file}: ${name}`]),
        ),
      ];
    });
  assert.deepEqual(broken, []);
});

test('every page of the manual is reached from the README', () => {
  const readme = readFileSync(path.join(REPOSITORY, 'README.md'), 'utf8');
  const overview = readFileSync(path.join(REPOSITORY, 'docs/design/overview.md'), 'utf8');
  for (const file of filesOf(['docs']).filter((name) => name.endsWith('.md'))) {
    const name = path.basename(file);
    const index = file.startsWith('docs/design/') ? overview : readme;
    assert.match(index, new RegExp(`[(/]${name.replace('.', '\\.')}[)#]`), `no link leads to ${file}`);
  }
  assert.ok(readme.split('\n').length <= 200, 'README.md is longer than 200 lines');
});

function leadsSomewhere(from: string, link: string): boolean {
  const [name = '', section] = link.split('#', 2);
  const file = path.join(REPOSITORY, name === '' ? from : path.join(path.dirname(from), name));
  if (!existsSync(file)) return false;
  if (section === undefined) return true;
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].some(
    ([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-') === section,
  );
}

/** Relative to the repository. */
function filesOf(places: readonly string[]): string[] {
  return places
    .flatMap((place) =>
      statSync(path.join(REPOSITORY, place)).isDirectory()
        ? readdirSync(path.join(REPOSITORY, place), { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => path.relative(REPOSITORY, path.join(entry.parentPath, entry.name)))
        : [place],
    )
    .filter((file) => !NOT_YET.some((folder) => file === folder || file.startsWith(`${folder}/`)));
}

function linesOf(file: string): string[] {
  return readFileSync(path.join(REPOSITORY, file), 'utf8').split('\n');
}
